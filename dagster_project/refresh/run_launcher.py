"""Run launcher: hands runs to the refresher, the one process that has the warehouse.

Dagster's daemon calls `launch_run` for each run of its queue (`run_launcher` in dagster.yaml). The run's state in Dagster's own
storage is the hand-over: a launched run is STARTING, and the refresher executes the oldest STARTING run next. So nothing is
lost when either process is down, and no port is open. Jobs that only read what is published carry a tag and run in a process
of their own, started by the code server, as Dagster does by default.
"""

from pathlib import Path

from dagster import DagsterInstance, DagsterRun, DagsterRunStatus, DefaultRunLauncher, RunsFilter
from dagster._core.launcher import CheckRunHealthResult, LaunchRunContext, WorkerStatus
from filelock import FileLock, Timeout

from dagster_project.paths import Paths

EXECUTED_IN = "guildhall/executed_in"
"""The tag of a job that says where its runs are executed."""
OWN_PROCESS = "own process"
BY = "guildhall/executed_by"
"""The tag that says which process executes a run."""
REFRESHER = "refresher"


class RefresherRunLauncher(DefaultRunLauncher):
    """Leaves runs to the refresher, but for those that are tagged to run in a process of their own."""

    def launch_run(self, context: LaunchRunContext) -> None:
        """Leave the run in STARTING, or start a process for it."""
        run = context.dagster_run
        if run.tags.get(EXECUTED_IN) == OWN_PROCESS:
            super().launch_run(context)
            return
        lives = "runs one at a time" if refresher_lives(home_of(self._instance)) else "is down; it starts this when it is back"
        self._instance.report_engine_event(f"Waiting for the refresher, which {lives}.", run, cls=type(self))

    def terminate(self, run_id: str) -> bool:
        """Ask for the end of a run: at once when it waits, between two tables when it runs; False when it has ended."""
        run = self._instance.get_run_by_id(run_id)
        if run is None or run.is_finished:
            return False
        if run.tags.get(EXECUTED_IN) == OWN_PROCESS:
            return bool(super().terminate(run_id))  # type: ignore[no-untyped-call]
        self._instance.report_run_canceling(run)
        if run.status is DagsterRunStatus.STARTING:
            self._instance.report_run_canceled(run, "Canceled before the refresher began with it.")
        return True

    @property
    def supports_check_run_worker_health(self) -> bool:
        """Dagster's daemon asks after every run that is under way."""
        return True

    def check_run_worker_health(self, run: DagsterRun) -> CheckRunHealthResult:
        """FAILED for a run of a refresher that no longer lives; other processes end their runs themselves."""
        if run.tags.get(BY) != REFRESHER or refresher_lives(home_of(self._instance)):
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        return CheckRunHealthResult(WorkerStatus.FAILED, "The refresher that executed this run was killed.")


def home_of(instance: DagsterInstance) -> Path:
    """The home folder that an instance belongs to: Dagster's folder is directly in it."""
    return Path(instance.root_directory).parent


def refresher_lock(home: Path) -> FileLock:
    """The lock that a refresher holds for as long as it lives; the kernel frees it when the process is killed."""
    return FileLock(Paths(home).refresher_lock)


def refresher_lives(home: Path) -> bool:
    """Whether a refresher runs for this home folder, in whichever container."""
    lock = refresher_lock(home)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return True
    lock.release()
    return False


def waiting_run(instance: DagsterInstance) -> DagsterRun | None:
    """The oldest run that was launched for the refresher and that nobody executes yet."""
    launched = instance.get_runs(RunsFilter(statuses=[DagsterRunStatus.STARTING]), ascending=True)
    return next((run for run in launched if run.tags.get(EXECUTED_IN) != OWN_PROCESS), None)
