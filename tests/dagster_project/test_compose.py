"""docker-compose.yml: what can be tested without Docker."""

import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from dagster_project.processes.entry_points import PROCESSES
from pipelines.broker.runtime import VERSION

PATH = Path(__file__).resolve().parents[2] / "docker-compose.yml"


@pytest.fixture(scope="module")
def services() -> dict:
    return yaml.safe_load(PATH.read_text())["services"]


def test_every_process_of_up_is_a_service_and_runs_itself(services):
    assert set(services) == set(PROCESSES)
    assert {name: service["command"] for name, service in services.items() if name != "kafka"} == {
        name: [name] for name in PROCESSES if name != "kafka"
    }


def test_kafka_is_the_version_that_is_tested(services):
    assert services["kafka"]["image"] == f"apache/kafka:{VERSION}"


def test_only_what_a_person_or_a_platform_opens_has_a_port_and_only_on_this_machine(services):
    ports = {name: service["ports"] for name, service in services.items() if "ports" in service}
    assert ports == {"gateway": ["127.0.0.1:8000:8000"], "webserver": ["127.0.0.1:3000:3000"]}


def test_what_the_image_copies_is_there(services):
    steps = services["worker"]["build"]["dockerfile_inline"].splitlines()
    copied = [word for line in steps if line.startswith("COPY") for word in line.split()[1:-1]]
    assert copied
    assert all((PATH.parent / name).exists() for name in copied)


def test_the_client_of_docker_reads_it():
    client = shutil.which("docker")
    if client is None or subprocess.run([client, "compose", "version"], capture_output=True, check=False).returncode:
        pytest.skip("no `docker compose` here")
    done = subprocess.run(
        [client, "compose", "-f", str(PATH), "config", "--quiet"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
