"""Results of imports: what became of the records of an export, and where those that were rejected stand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from dagster_project.cli.common import counted, show, show_fields, show_json
from events.errors import GuildhallError

if TYPE_CHECKING:
    from events.raw import RawEvent
    from pipelines.imports.found import Found
    from pipelines.imports.import_log import Compared

MOST_SHOWN = 10
MOST_SPACES = 5


@dataclass(slots=True)
class Result:
    """What an import gave, or would give. `seconds` counts sending and understanding, not the start of Kafka."""

    kind: str
    span: Span
    records: int = 0
    interactions: int = 0
    outcomes: Counter[tuple[str, str | None]] = field(default_factory=Counter)
    details: Mapping[str, int] = field(default_factory=dict)
    unmapped: Mapping[tuple[str, str], int] = field(default_factory=dict)
    unknown: Mapping[tuple[str, str], int] = field(default_factory=dict)
    rejected: tuple[str, ...] = ()
    """Places of rejected records with the reason of each; the first ones only."""
    seconds: float = 0.0
    found: Found | None = None
    compared: Compared | None = None
    """Records that earlier imports into the community sent too, and those that they did not."""
    titles: Mapping[str, str] = field(default_factory=dict)
    """Names of spaces for people, where the export lists them."""

    @property
    def rate(self) -> float:
        """Records per second."""
        return self.records / self.seconds if self.seconds else 0.0


@dataclass(slots=True)
class Span:
    """The workspaces and the days of the events that pass through `note`."""

    tenants: Counter[str] = field(default_factory=Counter)
    first: datetime | None = None
    last: datetime | None = None
    faults: list[str] = field(default_factory=list)
    """Places of the export that could not be read."""
    left_out: dict[str, str] = field(default_factory=dict)
    """Files of the export that are not taken, and why."""
    tenant_from: str | None = None
    """What named the workspace, other than the export: --tenant or the settings."""

    def note(self, events: Iterator[RawEvent]) -> Iterator[RawEvent]:
        """Pass the events on, noting each one's workspace and time."""
        for event in events:
            self.tenants[event.tenant or "unknown"] += 1
            if event.fault is not None:
                self.faults.append(event.fault)
            if event.time is not None:
                self.first = min(self.first or event.time, event.time)
                self.last = max(self.last or event.time, event.time)
            yield event

    def __str__(self) -> str:
        names = ", ".join(name for name, _ in self.tenants.most_common(MOST_SHOWN))
        days = f" · {self.first:%Y-%m-%d} to {self.last:%Y-%m-%d}" if self.first and self.last else ""
        return f"workspace {names or 'unknown'} (named by {self.tenant_from or 'the export'}){days}"


def show_result(result: Result, *, as_json: bool) -> None:
    """Print what became of the records of an import."""
    from events.outcome import Verdict

    verdicts: Counter[str] = Counter()
    for (verdict, _), count in result.outcomes.items():
        verdicts[verdict] += count
    if as_json:
        show_json(
            {
                "kind": result.kind,
                "workspaces": dict(result.span.tenants),
                "first": result.span.first,
                "last": result.span.last,
                "records": result.records,
                "interactions": result.interactions,
                "verdicts": dict(verdicts),
                "reasons": {f"{verdict}: {reason}": count for (verdict, reason), count in result.outcomes.items() if reason},
                "unmapped": {f"{tenant}/{space}": count for (tenant, space), count in result.unmapped.items()},
                "unknown_privacy": {f"{tenant}/{space}": count for (tenant, space), count in result.unknown.items()},
                "details": dict(result.details),
                "rejected": list(result.rejected),
                "left_out": result.span.left_out,
                **_found_as_json(result),
                "seconds": round(result.seconds, 1),
                "records_per_second": round(result.rate),
            }
        )
        return
    parts = " + ".join(f"{verdicts[verdict]:,} {verdict}" for verdict in Verdict)
    show(f"  {result.kind}   {result.records:,} records = {parts} · {result.interactions:,} interactions")
    for (verdict, reason), count in sorted(result.outcomes.items(), key=lambda entry: -entry[1]):
        if reason:
            show(f"    {count:>9,}  {verdict}: {reason}")
    for detail, count in Counter(result.details).most_common(MOST_SHOWN):
        show(f"    {count:>9,}  {detail}")
    for (tenant, space), count in Counter(result.unmapped).most_common(MOST_SHOWN):
        show(f"    {count:>9,}  in space {space} of workspace {tenant}, which no community has")
    for (tenant, space), count in Counter(result.unknown).most_common(MOST_SHOWN):
        show(f"    {count:>9,}  in {space} of workspace {tenant}: the export does not show who can read it, so it is left out")
    for place in result.rejected:
        show(f"               rejected  {place}")
    _show_left_out(result.span.left_out)
    show_fields(
        [
            ("from", result.span),
            *_found(result),
            ("rate", f"{result.rate:,.0f} records/s, {result.seconds:.1f} s"),
        ]
    )


def _found(result: Result) -> list[tuple[str, str]]:
    lines = []
    if (found := result.found) and found.accounts:
        programs = f" ({len(found.programs):,} of them programs)" if found.programs else ""
        most = [f"{result.titles.get(space, space)} {n:,}" for (_, space), n in found.spaces.most_common(MOST_SPACES)]
        more = ", …" if len(found.spaces) > MOST_SPACES else ""
        in_spaces = f"{counted(len(found.spaces), 'spaces')}: {', '.join(most)}{more}"
        lines.append(("found", f"{counted(len(found.accounts), 'accounts')}{programs} in {in_spaces}"))
    if seen := result.compared:
        lines.append(
            ("records", f"{seen.new:,} new, {seen.known:,} known from an earlier import, {seen.changed:,} changed since")
        )
    return lines


def _found_as_json(result: Result) -> dict[str, object]:
    found, seen = result.found, result.compared
    return {
        "accounts": len(found.accounts) if found else None,
        "programs": len(found.programs) if found else None,
        "spaces": {f"{tenant}/{space}": count for (tenant, space), count in found.spaces.items()} if found else None,
        "new": seen.new if seen else None,
        "known": seen.known if seen else None,
        "changed": seen.changed if seen else None,
    }


def _show_left_out(files: Mapping[str, str]) -> None:
    for name, why in list(files.items())[:MOST_SHOWN]:
        show(f"               left out  {name}: {why}")
    if len(files) > MOST_SHOWN:
        show(f"               left out  {len(files) - MOST_SHOWN:,} more files; --json lists all of them")


def check_result(result: Result) -> None:
    """Refuse an import in which nothing was understood, and one with records that were rejected. Both exit with 1."""
    from events.outcome import Verdict

    understood = sum(count for (verdict, _), count in result.outcomes.items() if verdict == Verdict.UNDERSTOOD)
    rejected = sum(count for (verdict, _), count in result.outcomes.items() if verdict == Verdict.REJECTED)
    if not understood:
        reasons = ", ".join(f"{count:,} {verdict}: {reason}" for (verdict, reason), count in result.outcomes.items())
        raise GuildhallError(
            "Nothing of the export was understood.",
            f"It holds {result.records:,} records{f' ({reasons})' if reasons else ''}.",
            f"Check that it is an export of the kind {result.kind}; `guildhall sources` describes the kinds, and `guildhall "
            "rejected` lists what was not understood.",
        )
    if rejected:
        raise GuildhallError(
            f"{rejected:,} records of the export were rejected; everything else was imported.",
            f"{result.rejected[0] if result.rejected else 'No place is known'}.",
            "Correct them or export again, and import again: what was imported before counts once. See `guildhall rejected`.",
        )
