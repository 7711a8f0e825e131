"""Models: a SQL file with a validated header, and what it makes."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import duckdb
import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from warehouse.build.vocabulary import CHAPTERS, COUNTS, KINDS, NEEDS, one_of

LAYERS = ("core", "levels", "metrics", "scorecard", "reports")
"""The layers that are built, in the order in which they may read one another; `landing` is what they are built from."""
MODELS = Path(__file__).parents[1] / "models"

_HEADER = re.compile(r"\A\s*/\*\n(?P<yaml>.*?)\n\*/\s*\n(?P<sql>.*)\Z", re.DOTALL)
_MARKS = re.compile(r"^[a-z_]+$")


class ModelError(ValueError):
    """A SQL file that is not a model: names the file and what is wrong with it."""


class Check(BaseModel):
    """A query returning the rows that fail. `{table}` stands for the model's own table."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, Field(pattern=r"^[a-z_]+$")]
    says: str
    sql: str
    severity: Literal["error", "warn"] = "error"


class Measure(BaseModel):
    """Which columns of a metric are its value, and with which uncertainty: how the page shows it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    value: str
    kind: Annotated[str, AfterValidator(lambda kind: one_of(kind, KINDS, "kind"))]
    numerator: str | None = None
    denominator: str | None = None
    low: str | None = None
    high: str | None = None
    counts: Annotated[str, AfterValidator(lambda counts: one_of(counts, COUNTS, "counts"))] = Field(
        description="what numerator and denominator count"
    )
    network: bool = Field(default=False, description="a metric of ties: not for sponsors below 30 contributors")
    smallest: int = Field(default=0, description="smallest denominator with which the value is shown at all")
    word: str | None = Field(default=None, description="column with a word that may be shown where the number may not")
    always: bool = Field(default=False, description="shown also in communities of fewer than eight contributors")


class Header(BaseModel):
    """The opening comment of a SQL file: what it is, one row per what, in which unit, from where, what it does not say."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str | None = Field(default=None, description="a metric's id in the catalogue: N2")
    title: str | None = Field(default=None, description="a metric's name for people")
    chapter: Annotated[str, AfterValidator(lambda chapter: one_of(chapter, CHAPTERS, "chapter"))] | None = Field(
        default=None, description="the chapter of a report that shows the metric"
    )
    version: int = 1
    summary: str
    grain: tuple[str, ...]
    reads: tuple[str, ...]
    columns: dict[str, str]
    unit: str | None = None
    direction: Literal["higher is better", "lower is better", "neither", "both extremes are bad"] | None = None
    needs: tuple[Annotated[str, AfterValidator(lambda need: one_of(need, NEEDS, "needs"))], ...] = ()
    minimum: str | None = None
    reference: str | None = None
    reading: str | None = Field(default=None, description="how a sponsor reads it, in one or two sentences")
    caveats: tuple[str, ...] = ()
    measure: Measure | None = None
    refresh: Literal["closed", "now"] = Field(default="closed", description="`now`: also renewed within the open week")
    step: str | None = Field(default=None, description="a function of warehouse.build.steps that the rows pass through")
    checks: tuple[Check, ...] = ()

    @model_validator(mode="after")
    def _complete(self) -> "Header":
        absent = [name for name in self.grain if name not in self.columns]
        if absent:
            raise ValueError(f"grain names columns that are not described: {absent}")
        if "community" not in self.columns:
            raise ValueError("every table carries `community`")
        if self.id is not None:
            fields = ("title", "chapter", "unit", "direction", "needs", "minimum", "reference", "reading", "measure", "caveats")
            missing = [name for name in fields if not getattr(self, name)]
            if missing:
                raise ValueError(f"a metric needs {', '.join(missing)}")
        if self.measure:
            named = (getattr(self.measure, n) for n in ("value", "numerator", "denominator", "low", "high", "word"))
            strange = [name for name in named if name is not None and name not in self.columns]
            if strange:
                raise ValueError(f"measure names columns that are not described: {strange}")
        return self


@dataclass(frozen=True, slots=True)
class Model:
    """A table of the warehouse: `layer.name`, its header and its SELECT."""

    layer: str
    name: str
    header: Header
    sql: str
    path: Path

    @property
    def table(self) -> str:
        """`layer.name`."""
        return f"{self.layer}.{self.name}"


def read_model(path: Path) -> Model:
    """Read and validate one SQL file. Raises ModelError, which names the file and the mend."""
    found = _HEADER.match(path.read_text(encoding="utf-8"))
    if not found:
        raise ModelError(f"{path.name}: begins with no header; open the file with /*, YAML, */ (see the recipe in README.md)")
    try:
        header = Header.model_validate(yaml.safe_load(found["yaml"]))
    except (yaml.YAMLError, ValidationError) as error:
        raise ModelError(f"{path.name}: {error}") from error
    if not _MARKS.match(path.stem):
        raise ModelError(f"{path.name}: a table's name is lower case words joined by _")
    model = Model(path.parent.name, path.stem, header, found["sql"].strip().rstrip(";"), path)
    if model.layer not in LAYERS:
        raise ModelError(f"{path}: lies in no layer ({', '.join(LAYERS)})")
    read = tables_read(model.sql)
    if set(read) != set(header.reads):
        raise ModelError(f"{model.table}: `reads` names {sorted(header.reads)}, the SQL reads {sorted(read)}")
    return model


def tables_read(sql: str) -> tuple[str, ...]:
    """The `layer.table` names that a SELECT reads, by DuckDB's own parser, in order of their names."""
    with duckdb.connect() as con:
        row = con.execute("select json_serialize_sql(?)", [sql]).fetchone()
    tree = json.loads(row[0] if row else "{}")
    if tree.get("error"):
        raise ModelError(f"DuckDB cannot parse it: {tree.get('error_message')}")
    return tuple(sorted(set(_base_tables(tree))))


def _base_tables(node: object) -> Iterator[str]:
    if isinstance(node, dict):
        if node.get("type") == "BASE_TABLE" and node.get("schema_name"):
            yield f"{node['schema_name']}.{node['table_name']}"
        for value in node.values():
            yield from _base_tables(value)
    elif isinstance(node, list):
        for value in node:
            yield from _base_tables(value)
