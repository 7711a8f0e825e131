"""Verify: whether a report's file is what was issued, and whether its figures follow from the tables that it was made from.

A file is recognised by its hash, otherwise by the certificate that it carries. It is compared with the frozen value in the
ledger; the frozen value with the published file of its build, as long as that is kept, and with the current one.
"""

import csv
import difflib
import io
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from html import unescape
from pathlib import Path

from dagster_project.delivery.ledger import Ledger, hash_of
from dagster_project.settings import Settings
from events.errors import GuildhallError
from warehouse import publish
from warehouse.report.corrections import corrections, figures
from warehouse.report.data import Correction, ReportData
from warehouse.report.read import report_data
from warehouse.report.renderers import RENDERERS

_CERTIFICATE = re.compile(rb'<meta name="guildhall-report" content="([^"]{1,400})">')
MOST_DIFFERENCES = 20


@dataclass(frozen=True, slots=True)
class Verified:
    """What was found about one file."""

    community: str
    period: str
    revision: int
    issued_at: str | None
    """None: the file as it is was never issued."""
    altered: tuple[str, ...]
    """Lines of the file that differ from what was issued; empty where it is what was issued."""
    figures: int
    """Values that the report shows."""
    build: int
    own_build: tuple[Correction, ...] | None
    """Values that differ from the published file of the report's build; None: that file is not kept any more."""
    now: tuple[Correction, ...]
    """Values that differ from what is published now: they were corrected since."""

    @property
    def holds(self) -> bool:
        """Whether the file is what was issued and its figures follow from their build."""
        return self.issued_at is not None and not self.altered and not self.own_build


def verify_report(settings: Settings, path: Path) -> Verified:
    """Compare a file with the ledger and the published tables. Raises GuildhallError where it is no report that was issued."""
    content = path.read_bytes()
    with Ledger(settings.paths.ledger) as ledger:
        row = ledger.by_hash(hash_of(content))
        community, period, revision = (row.community, row.period, row.revision) if row else _claimed(path, content)
        frozen = ledger.frozen(community, period, revision)
    if frozen is None:
        raise _unknown(path, f"The ledger has no revision {revision} of the report on {community}, {period}.")
    altered = () if row else tuple(_differences(path, content, frozen))
    return Verified(
        community=community,
        period=period,
        revision=revision,
        issued_at=row.issued_at if row else None,
        altered=altered,
        figures=figures(frozen),
        build=frozen.build.number,
        own_build=_against(settings.paths.published / publish.file_name(frozen.build.number), frozen),
        now=_against(publish.current(settings.paths.published), frozen) or (),
    )


def _against(published: Path, frozen: ReportData) -> tuple[Correction, ...] | None:
    """The values that a published file has otherwise; None where there is no such file."""
    if not published.exists():
        return None
    con = publish.open_published(published)
    try:
        return corrections(frozen, report_data(con, frozen.community, frozen.period))
    finally:
        con.close()


def _claimed(path: Path, content: bytes) -> tuple[str, str, int]:
    """Which report a file claims to be: HTML by its certificate, JSON and CSV by their fields."""
    try:
        if found := _CERTIFICATE.search(content):
            community, period, revision = json.loads(unescape(found[1].decode()))
        elif content.lstrip()[:1] == b"{":
            data = ReportData.model_validate_json(content)
            community, period, revision = data.community, data.period.name, data.revision
        else:
            row = next(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))
            community, period, revision = row["community"].removeprefix("'"), row["period"], row["revision"]
        return str(community), str(period), int(revision)
    except (ValueError, KeyError, TypeError, StopIteration) as error:
        raise _unknown(path, "It is no file that was issued, and carries no certificate that can be read.") from error


def _differences(path: Path, content: bytes, frozen: ReportData) -> Iterator[str]:
    """The lines that differ from the same format as issued, each as it stands in the file and as it was issued."""
    form = {".html": "html", ".json": "json", ".csv": "csv"}.get(path.suffix.lower())
    if form is None:
        yield "a PDF can be recognised only as a whole, by its hash"
        return
    issued = RENDERERS[form].render(frozen).decode("utf-8", "replace").splitlines()
    found = content.decode("utf-8", "replace").splitlines()
    lines = (line for line in difflib.unified_diff(issued, found, lineterm="", n=0) if line[:3] not in ("---", "+++"))
    for number, line in enumerate(line for line in lines if not line.startswith("@@")):
        if number >= MOST_DIFFERENCES:
            yield "… and more"
            return
        yield f"{'issued' if line[0] == '-' else 'file'}: {line[1:].strip()[:200]}"


def _unknown(path: Path, why: str) -> GuildhallError:
    return GuildhallError(
        f"{path} is not recognised as an issued report.",
        why,
        "Compare it with the files below var/reports, or issue the report again.",
    )
