"""Paths: which folder is the home, and what lies where under it (`var/`). Nobody else joins a name to a home folder."""

import os
from dataclasses import dataclass
from pathlib import Path

from warehouse import files


def home_folder(named: Path | None = None) -> Path:
    """The home folder, absolute: as named, else the variable GUILDHALL_HOME, else `var` in the current folder."""
    return (named or Path(os.environ.get("GUILDHALL_HOME") or "var")).absolute()


@dataclass(frozen=True, slots=True)
class Paths:
    """The places of one home folder. Nothing here touches the disk."""

    home: Path

    @property
    def secret_key(self) -> Path:
        """The deployment key, in hex; its owner alone may read it."""
        return self.home / "secret.key"

    @property
    def key_fingerprint(self) -> Path:
        """Which key the data beside it were made with."""
        return self.home / "key.fingerprint"

    @property
    def events_token(self) -> Path:
        """The bearer token of those who post to /v1/events."""
        return self.home / "events.token"

    @property
    def pages_token(self) -> Path:
        """The password of the reports, of /metrics and of Dagster's page."""
        return self.home / "pages.token"

    @property
    def kafka(self) -> Path:
        """The data, the configuration and the address of the embedded Kafka."""
        return self.home / "kafka"

    @property
    def kafka_lock(self) -> Path:
        """Held by the command that runs the embedded Kafka for itself."""
        return self.home / "kafka.lock"

    @property
    def spool(self) -> Path:
        """Events that the gateway accepted and Kafka does not have yet."""
        return self.home / "spool"

    @property
    def worker(self) -> Path:
        """The stream worker's own files."""
        return self.home / "worker"

    @property
    def sources(self) -> Path:
        """The folder where the gateway and the pollers write when each source was last seen."""
        return self.home / "sources"

    @property
    def poller(self) -> Path:
        """How far each polled source has been read, and its gaps."""
        return self.home / "poller.db"

    @property
    def poller_lock(self) -> Path:
        """Held by the process that polls."""
        return self.home / "poller.lock"

    @property
    def imports(self) -> Path:
        """Which records each import sent, as hashes."""
        return self.home / "imports.db"

    @property
    def landing(self) -> Path:
        """The landing file: every interaction once."""
        return self.home / files.LANDING

    @property
    def warehouse(self) -> Path:
        """The warehouse file: every table that is built."""
        return self.home / files.WAREHOUSE

    @property
    def warehouse_wanted(self) -> Path:
        """Held by the process that waits for the warehouse."""
        return self.home / "warehouse.wanted"

    @property
    def refresher_lock(self) -> Path:
        """Held by the refresher for as long as it lives."""
        return self.home / "refresher.lock"

    @property
    def identity(self) -> Path:
        """The identity store."""
        return self.home / files.IDENTITY

    @property
    def published(self) -> Path:
        """The folder of published files; `current` in it points to the newest."""
        return self.home / files.PUBLISHED

    @property
    def reports(self) -> Path:
        """The folder of reports, one folder per community."""
        return self.home / "reports"

    @property
    def ledger(self) -> Path:
        """The ledger of reports: frozen values, and what was issued to whom."""
        return self.reports / "ledger.db"

    @property
    def dagster(self) -> Path:
        """Dagster's home."""
        return self.home / "dagster"

    @property
    def run_state(self) -> Path:
        """What `guildhall up` runs now."""
        return self.home / "run_state.json"

    @property
    def up_lock(self) -> Path:
        """Held by `guildhall up`."""
        return self.home / "up.lock"

    @property
    def status(self) -> Path:
        """The status file of the refresher."""
        return self.home / "status" / "refresher.json"

    @property
    def demo(self) -> Path:
        """The folder of the demo's settings, exports and planted truth."""
        return self.home / "demo"

    @property
    def demo_marker(self) -> Path:
        """The file that marks a home folder as a demo's, which the next demo may clear."""
        return self.home / "demo.json"

    @property
    def logs(self) -> Path:
        """The folder of the processes' logs."""
        return self.home / "log"

    def heartbeat(self, process: str) -> Path:
        """The file that a process touches every few seconds."""
        return self.home / "heartbeats" / process

    def log(self, process: str) -> Path:
        """The log of one process."""
        return self.logs / f"{process}.log"
