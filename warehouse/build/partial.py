"""Partial builds: tables that somebody names, for one community or all, whether they are stale or not.

Some tables are built from the other tables as they are in the warehouse, as of the moment of each community's last build: so
all tables of a community show the same moment. A partial build never makes a community up to date; what was stale before is
stale afterwards, and the next refresh builds it.
"""

from collections.abc import Collection, Sequence
from datetime import datetime

import duckdb

from events.errors import GuildhallError
from warehouse.build import meta
from warehouse.build.build import Built, Progress, build, read_but_not_built
from warehouse.build.catalog import with_intermediate
from warehouse.build.model import Model
from warehouse.build.staleness import fingerprint, last_batch, remember, settings_fingerprints


class PartialBuildError(GuildhallError):
    """These tables do not exist, or cannot be built without others."""


def build_tables(
    con: duckdb.DuckDBPyConnection,
    models: Sequence[Model],
    tables: Collection[str],
    as_of: datetime,
    *,
    community: str | None = None,
    progress: Progress = lambda _table, _seconds: None,
) -> Built:
    """Build these tables (`layer.name`) whole, for one community or for all; `as_of` is naive UTC.

    All tables together are built as of `as_of`, and their communities are then up to date. Of fewer tables, a community that
    was never built is left out. Raises PartialBuildError, and duckdb.Error when a model fails.
    """
    batch, fingerprints = last_batch(con), settings_fingerprints(con, fingerprint(models))
    _refuse_unknown("table", tables, [model.table for model in models])
    if community is not None:
        _refuse_unknown("community", [community], fingerprints)
    chosen = with_intermediate(tables, models)
    wanted = sorted(fingerprints if community is None else [community])
    if len(chosen) == len(models):
        made = build(con, models, wanted, as_of, progress=progress)
        remember(con, wanted, batch, as_of, fingerprints)
    else:
        moments = _last_builds(con, wanted)
        _refuse_incomplete(con, chosen, moments)
        made = build(con, chosen, moments, moments, tables=[model.table for model in chosen], progress=progress)
    meta.note_checks(con, models, made, as_of)
    return made


def _last_builds(con: duckdb.DuckDBPyConnection, communities: Collection[str]) -> dict[str, datetime]:
    """Community -> the moment that its tables show, of those that were ever built."""
    rows = con.execute("select community, as_of from warehouse.meta.built").fetchall()
    return {community: as_of for community, as_of in rows if community in communities}


def _refuse_unknown(kind: str, names: Collection[str], known: Collection[str]) -> None:
    for name in sorted(set(names) - set(known)):
        raise PartialBuildError(
            f"There is no {kind} `{name}`.", f"There are {', '.join(sorted(known)) or 'none'}.", "Name one of these."
        )


def _refuse_incomplete(con: duckdb.DuckDBPyConnection, chosen: Sequence[Model], moments: Collection[str]) -> None:
    """Refuse tables that read a table that was never built, or for which no community has its other tables."""
    there = {
        f"{schema}.{table}"
        for schema, table in con.execute(
            "select schema_name, table_name from duckdb_tables() where database_name = 'warehouse'"
        ).fetchall()
    }
    absent = [table for table in read_but_not_built(chosen) if table not in there]
    if absent or not moments:
        first = ", ".join(model.table for model in chosen[:3])
        why = f"They read {absent[0]}, which was never built." if absent else "None of these communities was ever built."
        raise PartialBuildError(f"{first} cannot be built alone.", why, "Materialize all tables once; afterwards any of them.")
