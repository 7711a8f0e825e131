"""Documents: the generated blocks of the Markdown files, made from the code that they describe.

`python -m dagster_project.docs` writes them; with `--check` it compares them and exits with 1 where one is out of date.
"""

import json
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from dagster_project.settings import DagsterSettings, GatewaySettings, KafkaSettings, RefreshSettings, SourceSettings
from events.communities import BotList, Break, Community, ReportRule, SpaceRule
from events.topics import TOPICS
from events.verb import Verb
from pipelines.platforms import PLATFORMS
from warehouse.build.catalog import catalog, metrics
from warehouse.build.meta_tables import META
from warehouse.build.model import LAYERS, Model
from warehouse.build.thresholds import thresholds
from warehouse.build.vocabulary import CHAPTERS

ROOT = Path(__file__).parent.parent
DOCUMENTS = (
    ROOT / "README.md",
    ROOT / "warehouse" / "METRICS.md",
    ROOT / "warehouse" / "TABLES.md",
    ROOT / "events" / "README.md",
    ROOT / "dagster_project" / "SETTINGS.md",
)
_BLOCK = re.compile(r"(<!-- generated: (?P<name>[a-z ]+) -->\n)(?P<body>.*?)(<!-- end -->)", re.DOTALL)


def table(columns: tuple[str, ...], rows: list[tuple[object, ...]]) -> str:
    """A Markdown table."""
    lines = [columns, tuple("---" for _ in columns), *rows]
    return "\n".join("| " + " | ".join(_cell(cell) for cell in line) + " |" for line in lines) + "\n"


def _cell(value: object) -> str:
    return str(value).replace("|", "\\|").replace("\n", " ")


def _platforms() -> str:
    rows: list[tuple[object, ...]] = [
        (
            row.title,
            row.medium,
            ", ".join(row.arrives),
            ", ".join(f"`{kind}`" for kind in sorted(row.exports)) or "–",
            f"`pipelines/platforms/{slug}/`",
        )
        for slug, row in sorted(PLATFORMS.items())
    ]
    return table(("platform", "medium", "arrives by", "`guildhall import` KIND", "module"), rows)


def _metrics() -> str:
    rows: list[tuple[object, ...]] = [
        (m.header.id, f"[{m.header.title}](warehouse/METRICS.md#{m.name.replace('_', '-')})", m.header.unit, m.header.direction)
        for m in metrics(catalog())
    ]
    return table(("id", "metric", "unit", "read"), rows)


def _topics() -> str:
    rows: list[tuple[object, ...]] = [
        (
            f"`{topic.name}`",
            topic.key,
            topic.value,
            topic.partitions,
            f"{topic.cleanup}, " + ("for ever" if topic.retention_ms < 0 else f"{topic.retention_ms // 86_400_000} days"),
            ", ".join(topic.readers),
        )
        for topic in TOPICS
    ]
    return table(("topic", "key", "value", "partitions", "cleanup, retention", "who may read"), rows)


def _verbs() -> str:
    return table(("verb", "kind", "meaning"), [(f"`{verb}`", verb.kind, verb.sentence) for verb in Verb])


def _metric_page() -> str:
    return "\n".join(_one_metric(model) for model in metrics(catalog()))


def _one_metric(model: Model) -> str:
    header = model.header
    parts = [
        f"## {model.name.replace('_', ' ')}\n",
        f"**{header.id} · {header.title}** (version {header.version}). {header.summary}\n",
        f"*{header.reading}*\n",
        (
            f"Chapter: {CHAPTERS[header.chapter].title if header.chapter else '-'}. Unit: {header.unit}. "
            f"Read: {header.direction}. Needs: {', '.join(header.needs)}. Minimum: {header.minimum}. "
            f"One row per ({', '.join(header.grain)}). Reads {', '.join(header.reads)}. Source: {header.reference}\n"
        ),
        table(("column", "meaning"), [(f"`{name}`", meaning) for name, meaning in header.columns.items()]),
        "\n".join(f"- {caveat}" for caveat in header.caveats) + "\n",
    ]
    return "\n".join(parts)


def _thresholds() -> str:
    return table(("threshold", "value", "meaning"), [(f"`{t.name}`", t.value, t.meaning) for t in thresholds()])


def _table_page() -> str:
    parts = []
    for layer in LAYERS:
        parts.append(f"## {layer}\n")
        for model in sorted((m for m in catalog() if m.layer == layer), key=lambda m: m.table):
            parts.append(f"### {model.table}\n\n{model.header.summary} One row per ({', '.join(model.header.grain)}).\n")
            parts.append(table(("column", "meaning"), [(f"`{n}`", meaning) for n, meaning in model.header.columns.items()]))
    parts.append("## meta\n")
    for name, described in sorted(META.items()):
        parts.append(f"### meta.{name}\n\n{described.summary}\n")
        parts.append(table(("column", "meaning"), [(f"`{n}`", meaning) for n, (_, meaning) in described.columns.items()]))
    return "\n".join(parts)


def _settings() -> str:
    return "\n".join(_settings_table(title, model) for title, model in SETTINGS)


SETTINGS: tuple[tuple[str, type[BaseModel]], ...] = (
    ("[community.NAME]", Community),
    ("[[community.NAME.space]]", SpaceRule),
    ("[[community.NAME.break]]", Break),
    ("[community.NAME.report]", ReportRule),
    ("[source.NAME]", SourceSettings),
    ("[[bots]]", BotList),
    ("[kafka]", KafkaSettings),
    ("[gateway]", GatewaySettings),
    ("[dagster]", DagsterSettings),
    ("[refresh]", RefreshSettings),
)


def _settings_table(title: str, model: type[BaseModel]) -> str:
    rows: list[tuple[object, ...]] = [
        (f"`{field.alias or name}`", _default(field), field.description)
        for name, field in model.model_fields.items()
        if field.description
    ]
    return f"## `{title}`\n\n{model.__doc__}\n\n" + table(("key", "default", "meaning"), rows)


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "must be set"
    return "–" if field.default is None else f"`{json.dumps(field.default)}`"


BLOCKS: Mapping[str, Callable[[], str]] = {
    "platforms": _platforms,
    "metrics": _metrics,
    "topics": _topics,
    "verbs": _verbs,
    "metric page": _metric_page,
    "table page": _table_page,
    "thresholds": _thresholds,
    "settings": _settings,
}


def renewed(text: str) -> str:
    """A document with every generated block written again. Raises KeyError for a block of an unknown name."""
    return _BLOCK.sub(lambda found: f"{found[1]}{BLOCKS[found['name']]()}{found[4]}", text)


def main(arguments: list[str]) -> int:
    """Write, or with `--check` compare. 0: as it should be; 1: out of date."""
    stale = [path for path in DOCUMENTS if renewed(path.read_text(encoding="utf-8")) != path.read_text(encoding="utf-8")]
    if "--check" in arguments:
        for path in stale:
            print(f"{path.relative_to(ROOT)} is out of date; run: .venv/bin/python -m dagster_project.docs")
        return 1 if stale else 0
    for path in stale:
        path.write_text(renewed(path.read_text(encoding="utf-8")), encoding="utf-8")
        print(f"wrote {path.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
