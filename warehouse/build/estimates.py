"""Estimates: every metric in one long table, made from the headers, so that a new metric is one more file."""

from collections.abc import Iterable
from pathlib import Path

from warehouse.build.model import Header, Measure, Model
from warehouse.build.vocabulary import COUNTS, KINDS, RULES

SETTINGS = "sources in the settings"
SPINE = ("community", "window_end")

_COLUMNS = {
    "community": "the community",
    "window_end": "the evaluation, a Monday 00:00 UTC, exclusive",
    "metric": "the metric's id in the catalogue",
    "version": "version of the metric's definition",
    "part": "level or series, for a metric that has several values an evaluation; else empty",
    "value": "the value; absent where not measured",
    "low": "lower end of the 95 % interval, where there is one",
    "high": "upper end of the 95 % interval, where there is one",
    "numerator": "numerator or count behind the value",
    "denominator": "denominator behind the value",
    "effective": "how many independent threads say as much as the denominator, where they are threads of few people",
    "openers": "people whom the denominator comes from, where it counts threads",
    "inferred": "share of the threads in the denominator that are inferred from silence, because the platform gives none",
    "word": "a word that may stand for the value",
    "weeks": "weeks before the evaluation that the value covers",
    "kind": f"kind of measure: {', '.join(KINDS)}",
    "rule": f"how small groups are withheld: {', '.join(RULES)}",
    "counts": f"what numerator and denominator count: {', '.join(COUNTS)}",
    "grouped": "whether what is counted could point at somebody, so that numbers below five are withheld",
    "network": "whether the metric is of ties",
    "hide_order": "of a part of a distribution, its place among those that hide where another part must; else nothing",
    "reveals": "levels whose numbers of people the value would reveal",
    "reveals_before": "whether it also reveals them as of one whole window before",
    "fed": "whether the data that the metric needs had ever been seen by then",
    "smallest": "smallest denominator with which the value is shown",
    "always": "whether it is shown in communities of fewer than ten contributors",
    "contributors": "people who contributed in the window",
}


def estimates(models: Iterable[Model]) -> Model:
    """`scorecard.estimates`: a union over all metrics that have a value at every evaluation."""
    metrics = sorted((m for m in models if m.header.measure and set(SPINE) <= set(m.header.grain)), key=lambda m: m.table)
    header = Header(
        summary="Every metric's value, interval and counts at every evaluation, one row each; nothing withheld.",
        grain=("community", "window_end", "metric", "part"),
        reads=("core.evidence", "core.windows", *(model.table for model in metrics)),
        columns=_COLUMNS,
    )
    sql = "\nunion all by name\n".join(_select(model, model.header.measure) for model in metrics if model.header.measure)
    return Model("scorecard", "estimates", header, sql, Path(__file__))


def _select(model: Model, measure: Measure) -> str:
    parts = [f"metric.{column}" for column in model.header.grain if column not in SPINE]
    part = f"concat_ws(' ', {', '.join(parts)})" if parts else "''"
    return f"""
select
    metric.community,
    metric.window_end,
    '{model.header.id}' as metric,
    {model.header.version} as version,
    {part} as part,
    cast(metric.{measure.value} as double) as value,
    {_column(measure.low, "double")} as low,
    {_column(measure.high, "double")} as high,
    {_column(measure.numerator, "bigint")} as numerator,
    {_column(measure.denominator, "bigint")} as denominator,
    {_column(measure.effective, "double")} as effective,
    {_column(measure.openers, "bigint")} as openers,
    {_column(measure.inferred, "double")} as inferred,
    {_column(measure.word, "varchar")} as word,
    cast({f"metric.{measure.weeks}" if measure.weeks else "windows.window_weeks"} as integer) as weeks,
    '{measure.kind}' as kind,
    '{KINDS[measure.kind].rule}' as rule,
    '{measure.counts}' as counts,
    {COUNTS[measure.counts].grouped} as grouped,
    {measure.network} as network,
    {_place(part, measure.hides_first)} as hide_order,
    {list(measure.reveals)}::varchar[] as reveals,
    {measure.reveals_before} as reveals_before,
    list_has_all(evidence.needs, {[n for n in model.header.needs if n != SETTINGS]}::varchar[]) as fed,
    {measure.smallest} as smallest,
    {measure.always} as always,
    windows.contributors
from {model.table} as metric
join core.windows using (community, window_end)
join core.evidence using (community, window_end)"""


def _place(part: str, hides_first: tuple[str, ...]) -> str:
    return f"cast(nullif(list_position({list(hides_first)}::varchar[], {part}), 0) as integer)"


def _column(name: str | None, kind: str) -> str:
    return f"cast({'null' if name is None else f'metric.{name}'} as {kind})"
