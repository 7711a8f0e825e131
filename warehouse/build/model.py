"""Models: a SQL or Python file with a validated header, and the table that it makes."""

import ast
import json
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.util import module_from_spec, spec_from_file_location
from inspect import signature
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Annotated, Literal, Self

import duckdb
import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from warehouse.build.vocabulary import CHAPTERS, COUNTS, KINDS, NEEDS, one_of

if TYPE_CHECKING:  # reading what is published needs no Arrow, and its import takes a third of a second
    import pyarrow as pa

LAYERS = ("core", "levels", "metrics", "scorecard", "reports")
"""The layers that are built, in the order in which they may read one another; `landing` is what they are built from."""
MODELS = Path(__file__).parents[1] / "models"

TWO = 2
_OF_A_METRIC = (
    "title",
    "chapter",
    "unit",
    "direction",
    "needs",
    "minimum",
    "reference",
    "reading",
    "sentences",
    "measure",
    "caveats",
)
_HEADER = re.compile(r"\A\s*/\*\n(?P<yaml>.*?)\n\*/\s*\n(?P<sql>.*)\Z", re.DOTALL)
_NAME = re.compile(r"^[a-z][a-z_]*$")

Function = Callable[..., "pa.Table"]
"""Arrow tables in, named as the tables that the header reads, without their layer; rows in any order. An Arrow table out."""


class ModelError(ValueError):
    """A file that is not a model: names the file and what is wrong with it."""


class Check(BaseModel):
    """A query returning the rows that fail. `{table}` stands for the model's own table.

    A check that only warns says what follows from a failure, and what a person can do. Rows that fail have a column `community`
    where they belong to one.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, Field(pattern=r"^[a-z_]+$")]
    rule: str
    sql: str
    severity: Literal["error", "warn"] = "error"
    consequence: str | None = None
    remedy: str | None = None

    @model_validator(mode="after")
    def _a_warning_is_of_use(self) -> Self:
        if self.severity == "warn" and not (self.consequence and self.remedy):
            raise ValueError(f"check {self.name}: a warning needs `consequence` and `remedy`")
        return self


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
    effective: str | None = Field(
        default=None, description="column with how many independent threads say as much as the denominator, for the interval"
    )
    openers: str | None = Field(default=None, description="column with how many people the denominator comes from")
    weeks: str | None = Field(
        default=None, description="column with the weeks that the value covers, where these are not the window of levels"
    )
    inferred: str | None = Field(
        default=None, description="column with the share of the denominator's threads that are inferred from silence"
    )
    hides_first: tuple[str, ...] = Field(
        default=(), description="of a distribution, the parts that hide, in this order, where another part must"
    )
    reveals: tuple[str, ...] = Field(default=(), description="levels whose numbers of people the value would reveal")
    reveals_before: bool = Field(default=False, description="whether it also reveals them as of one whole window before")
    network: bool = Field(default=False, description="a metric of ties: not for sponsors below 30 contributors")
    smallest: int = Field(default=0, description="smallest denominator with which the value is shown at all")
    word: str | None = Field(default=None, description="column with a word that may be shown where the number may not")
    always: bool = Field(default=False, description="shown also in communities of fewer than ten contributors")


class Sentences(BaseModel):
    """What the first screen of a report writes about a metric that moved; without the full stop."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    up: str = Field(description="the headline where the value rose")
    down: str = Field(description="the headline where the value fell")
    phrase: Annotated[str, Field(pattern=r"^[^{}]*\{value\}[^{}]*$")] = Field(
        description="the value in a sentence, as in `{value} questions were answered`; a share is written as `9 in 10`"
    )
    ask: str = Field(description="a question that opens a conversation with the facilitator")
    absent: str | None = Field(default=None, description="why there is no value although its data are there, as a sentence")


class Header(BaseModel):
    """The YAML that opens a model's file: what the table is, one row per what, its columns, what it reads, its limits."""

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
    sentences: Sentences | None = None
    caveats: tuple[str, ...] = ()
    measure: Measure | None = None
    refresh: Literal["closed", "now"] = Field(default="closed", description="`now`: also renewed within the open week")
    materialized: Literal["table", "temporary", "view"] = Field(
        default="table",
        description="`table`: published; `temporary`: only during a build; `view`: the same, computed where it is read",
    )
    checks: tuple[Check, ...] = ()

    @property
    def published(self) -> bool:
        """Whether the table is in the published file."""
        return self.materialized == "table"

    @model_validator(mode="after")
    def _complete(self) -> "Header":
        absent = [name for name in self.grain if name not in self.columns]
        if absent:
            raise ValueError(f"grain names columns that are not described: {absent}")
        if self.published and "community" not in self.columns:
            raise ValueError("a published table needs a column `community`")
        if self.id is not None:
            missing = [name for name in _OF_A_METRIC if not getattr(self, name)]
            if missing:
                raise ValueError(f"a metric needs {', '.join(missing)}")
        if self.measure and KINDS[self.measure.kind].rule == "cells" and len(self.measure.hides_first) < TWO:
            raise ValueError("a distribution names two parts in `hides_first`, so that no part hides alone")
        if self.measure:
            named = (
                getattr(self.measure, n)
                for n in (
                    "value",
                    "numerator",
                    "denominator",
                    "low",
                    "high",
                    "word",
                    "weeks",
                    "effective",
                    "openers",
                    "inferred",
                )
            )
            strange = [name for name in named if name is not None and name not in self.columns]
            if strange:
                raise ValueError(f"measure names columns that are not described: {strange}")
        return self


@dataclass(frozen=True, slots=True)
class Model:
    """A table of the warehouse: its layer and name, its header, and the SELECT or the Python module that makes its rows.

    `function` is the module's function, None for SQL.
    """

    layer: str
    name: str
    header: Header
    code: str
    path: Path
    function: Function | None = None

    @property
    def table(self) -> str:
        """`layer.name`."""
        return f"{self.layer}.{self.name}"

    @property
    def language(self) -> Literal["sql", "python"]:
        """What `code` is written in."""
        return "sql" if self.function is None else "python"


def read_model(path: Path) -> Model:
    """Read and validate one file, `<name>.sql` or `<name>.py`. Raises ModelError, which names the file and what is wrong."""
    if not _NAME.match(path.stem):
        raise ModelError(f"{path.name}: a table's name is lower case words joined by _")
    if path.parent.name not in LAYERS:
        raise ModelError(f"{path}: lies in no layer ({', '.join(LAYERS)})")
    return (_read_python if path.suffix == ".py" else _read_sql)(path)


def tables_read(sql: str) -> tuple[str, ...]:
    """The `layer.table` names that a SELECT reads, by DuckDB's own parser, in order of their names."""
    with duckdb.connect() as con:
        row = con.execute("select json_serialize_sql(?)", [sql]).fetchone()
    tree = json.loads(row[0] if row else "{}")
    if tree.get("error"):
        raise ModelError(f"DuckDB cannot parse it: {tree.get('error_message')}")
    return tuple(sorted(set(_base_tables(tree))))


def _read_sql(path: Path) -> Model:
    found = _HEADER.match(path.read_text(encoding="utf-8"))
    if not found:
        raise ModelError(f"{path.name}: begins with no header; open the file with /*, YAML, */ (see the recipe in README.md)")
    header = _header(path, found["yaml"])
    model = Model(path.parent.name, path.stem, header, found["sql"].strip().rstrip(";"), path)
    read = tables_read(model.code)
    if set(read) != set(header.reads):
        raise ModelError(f"{model.table}: `reads` names {sorted(header.reads)}, the SQL reads {sorted(read)}")
    return model


def _read_python(path: Path) -> Model:
    code = path.read_text(encoding="utf-8")
    text = ast.get_docstring(ast.parse(code))
    if not text:
        raise ModelError(f"{path.name}: begins with no header; write YAML as its docstring (see the recipe in README.md)")
    header = _header(path, text)
    function = getattr(_module(path), path.stem, None)
    if not callable(function):
        raise ModelError(f"{path.name}: has no function `{path.stem}`, which makes the table's rows")
    if header.materialized == "view":
        raise ModelError(f"{path.name}: a function's table cannot be a view; write `materialized: temporary`")
    taken, names = sorted(signature(function).parameters), sorted(table.partition(".")[2] for table in header.reads)
    if taken != names:
        raise ModelError(f"{path.name}: `reads` names the tables {names}, the function takes {taken}; write the same names")
    return Model(path.parent.name, path.stem, header, code, path, function)


def _header(path: Path, text: str) -> Header:
    try:
        return Header.model_validate(yaml.safe_load(text))
    except (yaml.YAMLError, ValidationError) as error:
        raise ModelError(f"{path.name}: {error}") from error


def _module(path: Path) -> ModuleType:
    spec = spec_from_file_location(f"warehouse.models.{path.parent.name}.{path.stem}", path)
    if spec is None or spec.loader is None:
        raise ModelError(f"{path.name}: Python cannot import it")
    module = module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def _base_tables(node: object) -> Iterator[str]:
    if isinstance(node, dict):
        if node.get("type") == "BASE_TABLE" and node.get("schema_name"):
            yield f"{node['schema_name']}.{node['table_name']}"
        for value in node.values():
            yield from _base_tables(value)
    elif isinstance(node, list):
        for value in node:
            yield from _base_tables(value)
