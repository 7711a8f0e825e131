"""Tables of `meta`: what a published file records of itself, with the type and meaning of every column."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MetaTable:
    """A table of `meta`: what it is, and for each column its type and meaning."""

    summary: str
    columns: Mapping[str, tuple[str, str]]


META: dict[str, MetaTable] = {
    "dictionary": MetaTable(
        "One row per column of every table in this file: what it means and in which unit.",
        {
            "layer": ("varchar", "schema of the table"),
            "table": ("varchar", "name of the table within its layer"),
            "column": ("varchar", "name of the column"),
            "position": ("integer", "position of the column in its table, from 1"),
            "type": ("varchar", "DuckDB type of the column"),
            "meaning": ("varchar", "what the column contains"),
            "unit": ("varchar", "unit of the value, where it has one"),
            "grain": ("boolean", "whether the column is part of the table's key"),
            "table_meaning": ("varchar", "what the table contains"),
        },
    ),
    "metrics": MetaTable(
        "One row per metric: its definition, as its file gives it.",
        {
            "metric": ("varchar", "id of the metric in the catalogue"),
            "title": ("varchar", "name of the metric for readers"),
            "version": ("integer", "version of the definition"),
            "table": ("varchar", "layer and table with its values"),
            "summary": ("varchar", "what it counts"),
            "unit": ("varchar", "unit of the value"),
            "direction": ("varchar", "whether a higher value is better"),
            "minimum": ("varchar", "the smallest amount of data for which it is shown"),
            "reference": ("varchar", "source of the definition"),
            "reading": ("varchar", "how to read it"),
            "needs": ("varchar[]", "the kinds of data it needs"),
            "caveats": ("varchar[]", "what it does not show"),
        },
    ),
    "builds": MetaTable(
        "One row per published file: when it was published, by which version, from how much data. The newest row is this file.",
        {
            "build": ("bigint", "number of the published file"),
            "published_at": ("timestamp", "when it was published, UTC"),
            "as_of": ("timestamp", "the tables contain what happened before this moment, UTC"),
            "version": ("varchar", "version of Guildhall"),
            "models": ("varchar", "fingerprint of all tables' definitions"),
            "communities": ("integer", "number of communities built"),
            "interactions": ("bigint", "number of interactions landed"),
            "detail": (
                "varchar",
                "coarse: ids are pseudonyms of their community, times the hour or the day; full: as stored",
            ),
        },
    ),
    "offsets": MetaTable(
        "One row per topic and partition of Kafka: every record before the offset had landed when this file was published.",
        {
            "topic": ("varchar", "topic"),
            "partition": ("integer", "partition"),
            "next_offset": ("bigint", "the first offset that had not landed"),
        },
    ),
    "checks": MetaTable(
        "One row per check of a table: the rows that failed in the last build. A check that failed has one more row for the "
        "communities that were not built since.",
        {
            "table": ("varchar", "layer and table"),
            "name": ("varchar", "name of the check"),
            "rule": ("varchar", "the rule that the check tests"),
            "severity": ("varchar", "error or warn"),
            "failures": ("bigint", "number of rows that failed"),
            "checked_at": ("timestamp", "when it was checked, UTC"),
            "communities": ("varchar[]", "communities whose rows were checked and that were not built since"),
        },
    ),
    "accounting": MetaTable(
        "One row per partition of the raw topic and one per source. Every raw record has one outcome, so that "
        "raw = understood + ignored + rejected.",
        {
            "kind": ("varchar", "partition or source"),
            "name": ("varchar", "number of the partition, or address of the source"),
            "raw": ("bigint", "number of raw records"),
            "understood": ("bigint", "raw records that were understood"),
            "ignored": ("bigint", "raw records that are not participation in a configured space"),
            "rejected": ("bigint", "raw records that could not be understood"),
            "waiting": ("bigint", "raw records that have not been processed yet"),
            "missing": ("bigint", "raw records without an outcome, although later records have one"),
            "holds": ("boolean", "whether raw = understood + ignored + rejected"),
        },
    ),
    "outcomes": MetaTable(
        "One row per platform, source, verdict and reason: how many raw records had this outcome.",
        {
            "platform": ("varchar", "platform; absent where it is not known"),
            "source": ("varchar", "address of the source that the records came through"),
            "verdict": ("varchar", "understood, ignored or rejected"),
            "reason": ("varchar", "why the records were ignored or rejected"),
            "records": ("bigint", "number of raw records"),
            "interactions": ("bigint", "number of interactions understood from them"),
        },
    ),
    "unmapped": MetaTable(
        "One row per space that sends events and belongs to no community: its events are ignored until the settings name it.",
        {
            "platform": ("varchar", "platform"),
            "tenant": ("varchar", "workspace, site or account"),
            "space": ("varchar", "channel, namespace or meeting series"),
            "records": ("bigint", "number of raw records from this space"),
        },
    ),
    "replayable": MetaTable(
        "One row per raw record that was rejected or that came from an unmapped space: where it is in Kafka. No content.",
        {
            "raw_partition": ("integer", "partition of the raw topic"),
            "raw_offset": ("bigint", "offset in the partition; the topic keeps records for 28 days"),
            "verdict": ("varchar", "rejected, or ignored for an unmapped space"),
            "reason": ("varchar", "why it was rejected or ignored"),
            "detail": ("varchar", "names of fields and kinds of errors, never values"),
            "platform": ("varchar", "platform; absent where it is not known"),
            "source": ("varchar", "address of the source that the record came through"),
            "landed_at": ("timestamp", "when its outcome landed, UTC"),
        },
    ),
    "manifest": MetaTable(
        "One row per table: what it held when the file was published. The file is complete when the numbers agree.",
        {
            "table": ("varchar", "layer and table"),
            "rows": ("bigint", "number of rows"),
            "checksum": ("varchar", "sum of DuckDB's hashes of the rows"),
        },
    ),
    "built": MetaTable(
        "One row per community: what its tables were built from.",
        {
            "community": ("varchar", "slug of the community"),
            "batch": ("bigint", "number of the last batch that had landed before the build"),
            "since": ("timestamp", "Monday 00:00 UTC of the week that was open at the build"),
            "as_of": ("timestamp", "the tables contain what happened before this moment, UTC"),
            "fingerprint": ("varchar", "fingerprint of the tables' definitions and of the community's settings"),
        },
    ),
}
"""Counts and places only: no actor, no name, no content."""
