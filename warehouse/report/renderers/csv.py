"""CSV: every value of a report in one table, one row per metric, part and evaluation, for a spreadsheet."""

import csv
import io

from events.plain import spreadsheet_cell
from warehouse.report.data import ReportData

COLUMNS = (
    "community",
    "period",
    "revision",
    "metric",
    "title",
    "part",
    "window_until",
    "weeks",
    "measurement",
    "value",
    "bound",
    "low",
    "high",
    "range_low",
    "range_high",
    "step",
    "denominator",
    "counts",
    "unit",
    "word",
    "reason",
    "state",
    "table",
    "version",
    "build",
)


def render(data: ReportData) -> bytes:
    """The table in UTF-8 with a byte order mark, which spreadsheets need. `window_until` is exclusive."""
    states = {(one.metric, one.part): one.state for one in data.comparisons}
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    for metric in (data.levels, *data.metrics):
        definition = metric.definition
        for series in metric.series:
            for point in series.points:
                row = point.model_dump() | {
                    "community": data.community,
                    "period": data.period.name,
                    "revision": data.revision,
                    "metric": definition.id,
                    "title": definition.title,
                    "part": series.part,
                    "window_until": point.at.date().isoformat(),
                    "counts": definition.counts,
                    "unit": definition.unit,
                    "state": states.get((definition.id, series.part)) if point is series.now else None,
                    "table": definition.table,
                    "version": definition.version,
                    "build": data.build.number,
                }
                writer.writerow([spreadsheet_cell(row[name]) for name in COLUMNS])
    return b"\xef\xbb\xbf" + out.getvalue().encode("utf-8", "replace")
