"""Issue: the files of a community's report on a period, and their rows in the ledger.

A report is issued in three steps, each of which may be the last one of a process that dies: its value is frozen in the ledger,
each format's file is written whole, its row is added. The next pass goes on with the frozen value, so it writes the same bytes.
"""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from dagster_project.delivery.due import evaluations_of, is_final, published
from dagster_project.delivery.ledger import FOLDER, RECIPIENT, Issued, Ledger, hash_of
from dagster_project.settings import Settings
from events.errors import GuildhallError
from events.files import write_atomic
from warehouse.failpoint import failpoint
from warehouse.report.corrections import differs, revised
from warehouse.report.data import ReportData
from warehouse.report.period import period_of
from warehouse.report.read import report_data
from warehouse.report.renderers import RENDERERS

DRAFT = "draft"


@dataclass(frozen=True, slots=True)
class Made:
    """A report as files. `revision` 0 is a draft. `outdated`: the published tables differ from what was issued."""

    files: Mapping[str, Path]
    """Format -> file."""
    revision: int
    outdated: bool = False


def make_report(
    settings: Settings, community: str, period: str, now: datetime, formats: Sequence[str] = ("html",), *, revise: bool = False
) -> Made:
    """Issue the report on a period (`2026-10`, `2026-Q3`), or return what was issued: an issued report does not change.

    `revise` issues another revision where the published tables differ from the last one. Until the period's last evaluation and
    its grace are over, the files are a draft: written each time, in the ledger never. Raises GuildhallError where the community
    or the period is unknown or has not begun, nothing was evaluated in it, nothing is published, or nothing is to be revised.
    """
    span = period_of(period)
    if span.first > now.astimezone(UTC).date():
        raise GuildhallError(f"{span.title} has not begun.", "A report covers what happened.", "Name a period that has begun.")
    unknown = [form for form in formats if form not in RENDERERS]
    if unknown or not formats:
        raise GuildhallError(
            f"`{','.join(unknown)}` is no format of a report.", f"There are {' and '.join(RENDERERS)}.", "Name one or several."
        )
    with published(settings, now) as (con, moment):
        data = report_data(con, community, span)
        final = is_final(evaluations_of(con)[community], span, moment)
    folder = settings.paths.reports / community / period
    if not final:
        return Made(_write(folder / DRAFT, data, formats), 0)
    with Ledger(settings.paths.ledger) as ledger:
        frozen = _frozen(ledger, data, now, revise=revise)
        files = {form: _issue(settings.paths.reports, ledger, frozen, form, now) for form in formats}
    shutil.rmtree(folder / DRAFT, ignore_errors=True)
    return Made(files, frozen.revision, outdated=differs(frozen, data))


def _frozen(ledger: Ledger, data: ReportData, now: datetime, *, revise: bool) -> ReportData:
    """The value to issue: the newest frozen one, or the one that follows it."""
    last = ledger.latest(data.community, data.period.name)
    if last is None:
        last = ledger.freeze(data.model_copy(update={"revision": 1}), now)
        failpoint("report-frozen")
    elif revise and any(row.revision == last.revision for row in ledger.issued(data.community, data.period.name)):
        if not differs(last, data):
            raise GuildhallError(
                f"There is nothing to revise in the report on {data.period.title}.",
                f"The published tables show what revision {last.revision} shows.",
                "Do nothing, or run `guildhall refresh` first.",
            )
        last = ledger.freeze(revised(last, data), now)
        failpoint("report-frozen")
    return last


def _issue(reports: Path, ledger: Ledger, data: ReportData, form: str, now: datetime) -> Path:
    """Write the file of one format and add its row; where the row exists, make sure that the file is what was issued."""
    folder = reports / data.community / data.period.name
    if data.revision > 1:
        folder /= f"revision-{data.revision}"
    key = (form, FOLDER, RECIPIENT, data.revision)
    rows = ledger.issued(data.community, data.period.name)
    row = next((row for row in rows if (row.format, row.channel, row.recipient, row.revision) == key), None)
    if row is not None:
        return _restored(reports / row.path, row, data)
    content = RENDERERS[form].render(data)
    path = folder / RENDERERS[form].name
    _save(path, content)
    failpoint("report-written")
    ledger.issue(
        data,
        form=form,
        channel=FOLDER,
        recipient=RECIPIENT,
        content=content,
        path=path.relative_to(reports).as_posix(),
        now=now,
    )
    failpoint("report-issued")
    return path


def _restored(path: Path, row: Issued, data: ReportData) -> Path:
    """The file of a row; written again from the frozen value where somebody deleted or changed it. Raises GuildhallError."""
    if path.exists() and hash_of(path.read_bytes()) == row.content_hash:
        return path
    content = RENDERERS[row.format].render(data)
    if hash_of(content) != row.content_hash:
        raise GuildhallError(
            f"{path} is not the report that was issued.",
            f"It was changed or deleted after {row.issued_at}, and this version of Guildhall renders it differently.",
            "Restore it from a backup.",
        )
    _save(path, content)
    return path


def _write(folder: Path, data: ReportData, formats: Sequence[str]) -> dict[str, Path]:
    files = {form: folder / RENDERERS[form].name for form in formats}
    for form, path in files.items():
        _save(path, RENDERERS[form].render(data))
    return files


def _save(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(path, content)
