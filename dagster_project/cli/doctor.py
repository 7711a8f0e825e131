"""Doctor: one result for each thing that an installation rests on, with its remedy."""

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice

from dagster_project.cli.unmarked_bots import row_of, unmarked_bots
from dagster_project.errors import explain
from dagster_project.private import readable_by_others
from dagster_project.processes.temporary import run_state_of
from dagster_project.settings import Settings
from events.sdk.journal import DAMAGED, DAMAGED_DAYS, damaged_segments
from pipelines.broker import admin
from pipelines.broker.server import Broker
from warehouse import publish

LEAST_FREE_BYTES = 2 << 30
ANSWER_SECONDS = 10.0
OWN_ANSWER_SECONDS = 1.0
MOST_NAMED = 3


@dataclass(frozen=True, slots=True)
class Result:
    """One thing that was checked; `why` and `todo` count where it is not ok."""

    what: str
    ok: bool
    why: str = ""
    todo: str = ""
    advice: str = ""
    """What may be worth a look, although nothing is wrong."""


def examine(load: Callable[[], Settings]) -> Iterator[Result]:
    """Check everything, one after the other; a check that fails itself is a result too."""
    try:
        settings = load()
    except Exception as error:  # noqa: BLE001 - every error is a result with its remedy
        yield _failed(error)
        return
    yield Result(f"settings: {settings.config or 'no guildhall.toml, defaults'}", ok=True)
    for check in (_communities, _secrets, _key, _disk, _spool, _java, _kafka, _published, _bots):
        try:
            yield check(settings)
        except Exception as error:  # noqa: BLE001 - as above
            yield _failed(error)


def _failed(error: Exception) -> Result:
    found = explain(error)
    return Result(found.what, ok=False, why=found.why, todo=found.todo)


def _communities(settings: Settings) -> Result:
    return Result(
        f"communities: {len(settings.community)}",
        bool(settings.community),
        "No community is configured: every event is kept apart as unmapped.",
        "Add [community.NAME] with its spaces to guildhall.toml; `guildhall init` writes an example.",
    )


def _secrets(settings: Settings) -> Result:
    without = [name for name, each in settings.source.items() if each.kind == "webhook" and not settings.secrets_of(name)]
    return Result(
        f"sources: {len(settings.source)}",
        not without,
        f"No secret is set for: {', '.join(without)}. Everything sent there is refused.",
        "Set the variable or write the file that guildhall.toml names for them.",
    )


def _key(settings: Settings) -> Result:
    path = settings.paths.secret_key
    settings.key()
    found = list(islice(readable_by_others(path.parent), MOST_NAMED + 1))
    return Result(
        "secret key and private files",
        not found,
        f"Others can read or enter {', '.join(map(str, found[:MOST_NAMED]))}{' and more' * (len(found) > MOST_NAMED)}.",
        f"Run: chmod -R go-rwx {path.parent}",
    )


def _disk(settings: Settings) -> Result:
    free = shutil.disk_usage(settings.home).free
    writable = os.access(settings.home, os.W_OK)
    return Result(
        f"disk: {free / 2**30:.1f} GiB free under {settings.home}",
        writable and free > LEAST_FREE_BYTES,
        "Kafka, the spool and published files need 2 GiB." if writable else "You may not write there.",
        "Free some space, or set GUILDHALL_HOME to a folder on another disk.",
    )


def _spool(settings: Settings) -> Result:
    damaged = damaged_segments(settings.paths.spool)
    return Result(
        "spool of the gateway",
        not damaged,
        f"Segments with damaged bytes: {damaged}. Every event in them that can be read was sent; the others are lost.",
        f"Check the disk. The segments are in {settings.paths.spool / DAMAGED} for {DAMAGED_DAYS} days; delete them sooner.",
    )


def _java(settings: Settings) -> Result:
    if settings.kafka.bootstrap_servers:
        return Result("Apache Kafka: your own cluster", ok=True)
    broker = Broker(settings.paths.kafka)
    # Its port is in use while it runs, by itself: only a Kafka that does not answer is prepared.
    if not admin.wait_ready(broker.bootstrap, OWN_ANSWER_SECONDS):
        broker.prepare()
    return Result("Apache Kafka and its Java: installed", ok=True)


def _kafka(settings: Settings) -> Result:
    run_state = run_state_of(settings)
    address = settings.kafka.bootstrap_servers or (run_state.bootstrap if run_state else None)
    if address is None:
        return Result("Kafka: not running; commands start it when they need it", ok=True)
    return Result(
        f"Kafka at {address}",
        admin.wait_ready(address, ANSWER_SECONDS),
        f"It does not answer within {ANSWER_SECONDS:.0f} seconds.",
        f"Read {settings.paths.log('kafka')}, or check the cluster that KAFKA_BOOTSTRAP_SERVERS names.",
    )


def _published(settings: Settings) -> Result:
    folder = settings.paths.published
    if not folder.exists():
        return Result("published: nothing yet", ok=True)
    path = publish.current(folder)
    with publish.open_published(path) as tables:
        try:
            differing = publish.differing(tables)
        except Exception as error:  # noqa: BLE001 - whatever DuckDB raises, the file cannot be read
            differing = [str(error).splitlines()[0][:200]]
    return Result(
        f"published: {path.name} is complete",
        not differing,
        f"The file differs from its manifest: {', '.join(differing[:MOST_NAMED])}.",
        "Run `guildhall publish`: it writes a new file. Then check the disk.",
    )


def _bots(settings: Settings) -> Result:
    found = unmarked_bots(settings)
    if not found:
        return Result("bots: no unmarked account looks like a program", ok=True)
    rows = "\n".join(map(row_of, found))
    return Result(
        f"bots: unmarked accounts that look like programs: {len(found)}",
        ok=True,
        advice=f"Where they are programs, add the rows to guildhall.toml; they hold for all of the past:\n{rows}",
    )
