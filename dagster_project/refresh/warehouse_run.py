"""The warehouse as one run of Dagster uses it: land, build, publish, with what the run's config says.

It knows nothing of Dagster. Its methods are called by the assets' steps, in whichever process executes the run: the refresher,
or a shell that borrowed the warehouse.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from events.errors import GuildhallError
from warehouse.build.build import Built, CheckResult, check_published
from warehouse.build.model import Model
from warehouse.build.state import LandingState, TableState, landing_states, table_states
from warehouse.identity.mapping import Source
from warehouse.publish import open_published
from warehouse.warehouse import Warehouse

Checkpoint = Callable[[str], None]
"""Called with a phase (`landing`, `building`, `publishing`) between two tables or batches; raises to end the run there."""


@dataclass(frozen=True, slots=True)
class RunConfig:
    """What a run is asked for besides its selection."""

    community: str | None = None
    """Build this community only; the others keep their rows."""
    only_stale: bool = False
    """Build only what is out of date, from what has landed: the refresher's own runs."""


class WarehouseRun:
    """What one run does with the warehouse, and what it did."""

    def __init__(
        self,
        warehouse: Warehouse,
        sources: Callable[[], Sequence[Source]],
        clock: Callable[[], datetime],
        checkpoint: Checkpoint,
        config: RunConfig,
    ) -> None:
        """`sources` gives the sources and when each was last seen; `clock` gives aware moments."""
        self._warehouse, self._sources, self._clock = warehouse, sources, clock
        self._checkpoint, self._config = checkpoint, config
        self.built: list[Built] = []
        self.published: Path | None = None
        self.error: Exception | None = None
        """What ended the run, as it was raised: Dagster keeps only its text."""

    def land(self) -> None:
        """Land what Kafka has, unless the run builds only what is stale: then it has landed already."""
        self._checkpoint("landing")
        if not self._config.only_stale:
            self._warehouse.land(self._clock(), progress=lambda *_: self._checkpoint("landing"))

    def landed(self, after: Mapping[str, int]) -> dict[str, LandingState]:
        """The landing tables of `after`, whose values are the batches after which rows count as new."""
        return landing_states(self._warehouse.con, after)

    def unaccounted(self) -> list[str]:
        """A sentence for each line of the accounting in which something is missing; what may still come is not missing."""
        sums = self._warehouse.accounting()
        malformed = [f"{sums.malformed} records of our own topics do not follow the contract"] if sums.malformed else []
        lacking = [line for line in (*sums.partitions, *sums.sources) if line.missing]
        return [*malformed, *(f"{a.kind} {a.name}: {a.missing} of {a.raw} raw records have no outcome" for a in lacking)]

    def build(self, tables: Collection[str]) -> Sequence[Built]:
        """Build these tables (`layer.name`) in one transaction per group of communities. Raises GuildhallError."""
        now = self._clock()
        self._checkpoint("building")
        self._warehouse.sync_settings(self._sources(), now)
        if self._config.only_stale:
            self.built.extend(self._warehouse.build(now, progress=lambda *_: self._checkpoint("building")))
        else:
            made = self._warehouse.build_tables(
                now, tables, community=self._config.community, progress=lambda *_: self._checkpoint("building")
            )
            self.built.append(made)
        return self.built

    def states(self) -> dict[str, TableState]:
        """`layer.name` -> rows, moment and checks of every table of the warehouse."""
        return table_states(self._warehouse.con)

    def check_published(self, models: Sequence[Model]) -> list[CheckResult]:
        """Run the checks of these models again, on the published file. Raises PublishError where there is none."""
        if not models:
            return []
        con = open_published(self._warehouse.published)
        try:
            return check_published(con, models)
        finally:
            con.close()

    def stale_communities(self) -> list[str]:
        """The communities that are out of date now."""
        stale = self._warehouse.stale(self._clock())
        return sorted({*stale.whole, *stale.open_week})

    def try_publish(self) -> str | None:
        """Publish, so that readers have what was built before Dagster records it; why not, when a check refuses it."""
        try:
            self.publish()
        except GuildhallError as error:
            return str(error)
        return None

    def publish(self) -> Path:
        """Publish, once per run; the path of the file. Raises GuildhallError when a check refuses it."""
        if self.published is None:
            self._checkpoint("publishing")
            self.published = self._warehouse.publish(self._clock())
        return self.published
