"""The SDK is embedded in other programs: it loads no Faust, Dagster or DuckDB, and nothing of pipelines or warehouse."""

import subprocess
import sys

FORBIDDEN = ("faust", "mode", "dagster", "duckdb", "confluent_kafka", "pipelines", "warehouse", "dagster_project")


def test_the_sdk_loads_none_of_the_server_s_packages():
    code = "import sys, events.sdk.emitter, events.sdk.journal; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    assert loaded.isdisjoint(FORBIDDEN), loaded.intersection(FORBIDDEN)
