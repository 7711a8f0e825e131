"""An installation without Kafka: events are understood, landed, mapped and built in this process, by the real parts."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from dagster_project.settings import load
from events.interaction import Interaction
from events.raw import RawEvent, delivery_id
from pipelines.connector import Accept, Answer, ImportOptions, Request
from pipelines.imports.importer import raw_events
from pipelines.platforms import PLATFORMS
from pipelines.understand.understand import Context, understand
from tests.warehouse import wire
from warehouse.build.model import Model
from warehouse.warehouse import Warehouse

KEY = bytes(range(32))
NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
SETTINGS = """
[community.case]
title = "Case"
[[community.case.space]]
platform = "{platform}"
workspace = "*"
spaces = "*"
"""


class Installation:
    """One home folder. `imports` and `post` take events in, `refresh` makes the tables, `rows` asks them."""

    def __init__(
        self, folder: Path, settings: str, files: Mapping[str, str] | None = None, models: Sequence[Model] | None = None
    ) -> None:
        self.folder = folder
        self.models = models
        self.offset = 0
        self.outcomes: Counter[tuple[str, str | None]] = Counter()
        self.unmapped: Counter[tuple[str, str]] = Counter()
        self.accounts: list = []
        self.apart: list[tuple[int, RawEvent]] = []
        self.warehouse: Warehouse | None = None
        self.configure(settings, files)

    def configure(self, settings: str, files: Mapping[str, str] | None = None) -> None:
        """Write guildhall.toml and the files beside it, as somebody who edits them; what runs is started again."""
        if self.warehouse:
            self.warehouse.close()
        (self.folder / "guildhall.toml").write_text(settings)
        for name, text in (files or {}).items():
            (self.folder / name).write_text(text)
        self.settings = load(self.folder / "guildhall.toml", self.folder / "var")
        self.context = Context(KEY, self.settings.communities(), PLATFORMS)
        self.warehouse = Warehouse(
            self.folder / "var",
            key=KEY,
            communities=self.settings.communities().by_slug,
            bots=self.settings.communities().bots,
            sharing=[slug for slug, platform in PLATFORMS.items() if platform.shares],
            folder=self.folder,
            models=self.models,
        )

    @property
    def community(self) -> str:
        return next(iter(self.settings.community))

    def imports(
        self, kind: str, path: Path, *, tenant: str | None = None, time_zone: str | None = None, now: datetime = NOW
    ) -> Counter:
        """What became of the records of an export: (verdict, reason) -> how many. Raises ExportError as the command does."""
        platform = next(row for row in PLATFORMS.values() if kind in row.exports)
        options = ImportOptions(tenant=tenant, community=self.community, time_zone=time_zone)
        return self.take(raw_events(platform, kind, path, options, now))

    def post(self, slug: str, body: bytes, *, tenant: str | None = None, now: datetime = NOW) -> int:
        """A webhook's body, signed as the platform signs it; the status that it gets."""
        platform, secret = PLATFORMS[slug], "an invented secret"
        headers = platform.sign(body, secret, now.timestamp())
        verdict = platform.verify(Request("POST", f"/hooks/{slug}/main", headers, body), (secret,), now.timestamp())
        if isinstance(verdict, Answer):
            return 200
        if not isinstance(verdict, Accept):
            return verdict.status
        source = f"webhook/{slug}/main"
        self.take(
            [
                RawEvent(
                    id=delivery_id(source, body), sender=f"/{source}", type=verdict.type, source=source, received_at=now,
                    payload=body, tenant=tenant or verdict.tenant,
                )
            ]
        )  # fmt: skip
        return 200

    def replay(self) -> None:
        """Understand the records of unmapped spaces and the rejected ones again, at their places, as `guildhall replay` does."""
        apart, self.apart = self.apart, []
        self.take([raw for _, raw in apart], at=[offset for offset, _ in apart])

    def take(self, events: Iterator[RawEvent] | list[RawEvent], at: list[int] | None = None) -> Counter:
        found: Counter[tuple[str, str | None]] = Counter()
        interactions: list[Interaction] = []
        for offset, raw in enumerate(events, start=self.offset) if at is None else zip(at, events, strict=True):
            outcome = understand(raw.payload, raw.headers(), 0, offset, self.context)
            self.offset = max(self.offset, offset + 1)
            record = outcome.record
            found[str(record.verdict), str(record.reason) if record.reason else None] += 1
            if record.reason == "unmapped_space":
                self.unmapped[record.tenant or "", record.space or ""] += 1
            if record.reason == "unmapped_space" or str(record.verdict) == "rejected":
                self.apart.append((offset, raw))
            interactions += outcome.interactions
            self.accounts += outcome.accounts
            self.warehouse.identity.record(outcome.accounts)
        wire.put(self.warehouse, [json.loads(one.model_dump_json()) for one in interactions])
        self.outcomes += found
        return found

    def refresh(self, as_of: datetime = NOW) -> None:
        self.warehouse.sync_settings([], as_of)
        self.warehouse.build(as_of)

    def rows(self, query: str) -> list[tuple]:
        """Rows of a query on the warehouse: `from core.interactions`."""
        self.warehouse.con.execute("use warehouse")
        return self.warehouse.con.execute(query).fetchall()

    def one(self, query: str):
        row = self.rows(query)[0]
        return row[0] if len(row) == 1 else row

    def close(self) -> None:
        self.warehouse.close()
