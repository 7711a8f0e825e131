"""Execution: one run of Dagster in this process, under the id that it has in Dagster's page."""

import sqlite3
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

from dagster import (
    AssetKey,
    DagsterExecutionInterruptedError,
    DagsterInstance,
    DagsterRun,
    DagsterRunStatus,
    RepositoryDefinition,
)
from dagster._core.definitions.job_base import InMemoryJob
from dagster._core.execution.api import execute_run_iterator
from dagster._core.remote_origin import GrpcServerCodeLocationOrigin, RemoteJobOrigin, RemoteRepositoryOrigin
from dagster_shared.record import copy

from dagster_project.refresh.run_launcher import BY, REFRESHER

ENDING = frozenset({DagsterRunStatus.CANCELING, DagsterRunStatus.CANCELED, DagsterRunStatus.FAILURE})
"""States of a run that somebody else has ended while it is executed here."""
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
"""The page has the log of a run; the refresher reports what failed in one line."""
ASK_EVERY = 0.25
"""Seconds between two looks at whether a run was canceled: a look is a query in SQLite."""


class Checkpoint:
    """Called between two pieces of a run's work: shows a sign of life, and ends the run there when somebody wants it to end."""

    def __init__(
        self,
        instance: DagsterInstance,
        run_id: str,
        beat: Callable[[str], None] = lambda _phase: None,
        stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        """`stopping` is True when this process has to end."""
        self._instance, self._run_id, self._beat, self._stopping = instance, run_id, beat, stopping
        self._asked_at = float("-inf")

    def __call__(self, phase: str) -> None:
        """Go on, or raise DagsterExecutionInterruptedError."""
        self._beat(phase)
        if self._stopping():
            run = self._instance.get_run_by_id(self._run_id)
            if run is not None and run.status not in ENDING:
                self._instance.report_run_canceling(run, "The refresher stops; the run ends between two tables.")
            raise DagsterExecutionInterruptedError
        if time.monotonic() - self._asked_at < ASK_EVERY:
            return
        self._asked_at = time.monotonic()
        run = self._instance.get_run_by_id(self._run_id)
        if run is None or run.status in ENDING:
            raise DagsterExecutionInterruptedError


def create_run(
    repository: RepositoryDefinition,
    instance: DagsterInstance,
    assets: Collection[AssetKey],
    *,
    tags: Mapping[str, str],
    config: Mapping[str, object],
    location: GrpcServerCodeLocationOrigin,
) -> DagsterRun:
    """A run of these assets, as the page creates one; `location` is the code server, so that the page links the run."""
    job = repository.get_implicit_global_asset_job_def()
    return instance.create_run_for_job(
        job,
        asset_selection=frozenset(assets),
        tags=tags,
        run_config=config,
        remote_job_origin=RemoteJobOrigin(RemoteRepositoryOrigin(location, repository.name), job.name),
    )


def execute(repository: RepositoryDefinition, instance: DagsterInstance, run: DagsterRun) -> bool:
    """Execute a created or launched run to its end, whatever that is; whether it succeeded.

    What fails within the run is in its log and not raised. A run that this repository cannot execute fails with the reason.
    """
    if run.tags.get(BY) != REFRESHER:
        instance.add_run_tags(run.run_id, {BY: REFRESHER})
    try:
        job = InMemoryJob(repository.get_job(run.job_name))
        with _databases_open(instance, run.run_id):
            for _event in execute_run_iterator(job, copy(run, run_config={**QUIET, **run.run_config}), instance):
                pass
    except Exception as error:  # noqa: BLE001 - a selection or config that Dagster refuses before the run's first step
        instance.report_run_failed(run, f"The refresher cannot execute this run. {type(error).__name__}: {error}")
    ended = instance.get_run_by_id(run.run_id)
    return ended is not None and ended.status is DagsterRunStatus.SUCCESS


@contextmanager
def _databases_open(instance: DagsterInstance, run_id: str) -> Iterator[None]:
    """Keep a connection to each of Dagster's databases during a run.

    Dagster opens and closes a connection for each event. Closing the last one writes the whole log of SQLite into its file.
    """
    history = Path(instance.root_directory) / "history"
    with ExitStack() as stack:
        for path in (history / "runs.db", history / "runs" / "index.db", history / "runs" / f"{run_id}.db"):
            if path.exists():
                connection = stack.enter_context(closing(sqlite3.connect(path)))
                connection.execute("select count(*) from sqlite_master").fetchone()
        yield
