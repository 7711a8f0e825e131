"""Tables: the columns of the landing file, which everything else is built from."""

LANDING_TABLES: dict[str, str] = {
    "interactions": """
        event_id varchar, platform varchar, tenant varchar, medium varchar, community varchar, space varchar,
        visibility varchar, occurred_at timestamp, verb varchar, actor varchar, actor_kind varchar,
        object_id varchar, object_kind varchar, thread_id varchar, reply_to_id varchar, mentions varchar[],
        refs varchar[], revises varchar, change varchar, revision bigint, size bigint, size_unit varchar,
        started_at timestamp, ended_at timestamp, connection varchar, meeting_started_at timestamp,
        features struct(is_question boolean, thanks boolean, version integer), captured_at timestamp,
        raw struct(partition integer, "offset" bigint), schema_version integer, normaliser_version integer,
        content_hash ubigint, landed_at timestamp, batch bigint
    """,
    "outcomes": """
        raw_partition integer, raw_offset bigint, verdict varchar, reason varchar, detail varchar, platform varchar,
        source varchar, raw_id varchar, import_id varchar, tenant varchar, space varchar, payload_hash varchar,
        interactions integer, accounts integer, normaliser_version integer, chunk_offset bigint, landed_at timestamp,
        batch bigint
    """,
    "repeats": """
        event_id varchar, content_hash ubigint, raw struct(partition integer, "offset" bigint), captured_at timestamp,
        schema_version integer, normaliser_version integer
    """,
    "undone": "import_id varchar, partition integer, before_offset bigint",
    "malformed": """
        topic varchar, partition integer, "offset" bigint, why varchar, landed_at timestamp, batch bigint
    """,
    "batches": """
        batch bigint, topic varchar, landed_at timestamp, records bigint, added bigint, duplicates bigint, malformed bigint
    """,
    "arrivals": """
        batch bigint, community varchar, interactions bigint, revisions bigint, oldest_at timestamp, touches_at timestamp
    """,
    "offsets": """
        topic varchar, topic_id varchar, partition integer, next_offset bigint, primary key (topic, partition)
    """,
    "state": "name varchar, value varchar",
    "people": "community varchar, actor varchar, member varchar",
    "kinds": "actor varchar, kind varchar, reason varchar",
    "homes": "platform varchar, tenant varchar, space varchar, home varchar",
    "communities": """
        community varchar, title varchar, origin varchar, time_zone varchar, charter_beat_days integer, begins_at timestamp
    """,
    "roles": "community varchar, member varchar, role varchar, valid_from timestamp, valid_to timestamp",
    "spaces": "community varchar, platform varchar, workspace varchar, space varchar, title varchar",
    "breaks": "community varchar, starts_at timestamp, ends_at timestamp, kind varchar",
    "sources": """
        community varchar, platform varchar, source varchar, max_gap_hours integer, last_seen_at timestamp
    """,
}
"""Table -> columns, of the catalog `landing`, schema `main`.

* `interactions`: one row per (event_id, content_hash); see warehouse.landing.interactions.
* `outcomes`: one row per raw record. `chunk_offset` is its place in the outcomes topic: of two outcomes of the same normaliser
  version the later one replaces the earlier one.
* `repeats`: one row per record of an interaction that is in the file already. When the record that the row came from is undone,
  the next best one of these takes its place.
* `undone`: one row per import that was undone and raw partition: its records before the offset count nowhere.
* `malformed`: one row per record of these topics that is not what the contract says: its place and why, never its bytes.
* `batches`: one row per transaction that landed something. `arrivals`: one row per batch and community: the oldest moment
  landed, and `touches_at`, the oldest moment whose tables can change because of it (warehouse.landing.interactions).
* `offsets`: one row per topic and partition: the offset to read next.
* `people`: the published pseudonym of an actor's (account's) member, for each community.
* `kinds`: one row per account that anything calls other than a person: its kind now, by the settings' list, the platform's list
  of accounts or a flag (warehouse.identity.kinds).
* `homes`: one row per space that workspaces share and workspace that is not its home (warehouse.identity.homes).
* `communities`, `spaces`, `roles`, `breaks`, `sources`: the settings, replaced as a whole at every refresh. `sources` has
  one row per community and source that the community expects events from, `spaces` one per space that has a title.
* `state`: values by name that the warehouse keeps between refreshes.
"""
