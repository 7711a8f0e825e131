"""Homes: a channel that several workspaces share counts in one of them, whoever reported it.

Some platforms give channels, messages and accounts the same ids in every workspace (`Platform.shares`; Slack Connect) and
report a shared channel once for each workspace. It is shared when one record came through two workspaces. Its home is the
workspace that has its oldest record: before a channel is shared, only its host has it. Landed rows keep the workspace that
reported them; `core.records` reads the home here.
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from fnmatch import fnmatchcase

import duckdb

from warehouse.db import transaction
from warehouse.failpoint import failpoint
from warehouse.landing.arrivals import touch_history

Sharing = Mapping[str, frozenset[str]]
"""Platform -> workspaces that share a channel of it."""


def sync_homes(con: duckdb.DuckDBPyConnection, platforms: Collection[str], now: datetime) -> tuple[Sharing, tuple[str, ...]]:
    """Write `landing.homes`; returns who shares, and the communities where a channel has another home now, sorted.

    These communities are built again whole. `platforms` are those whose ids are the same in every workspace; `now` is naive
    UTC.
    """
    with transaction(con):
        con.execute(_HOMES, [sorted(platforms)])
        changed = tuple(community for (community,) in con.execute(_CHANGED).fetchall())
        con.execute("delete from landing.main.homes")
        con.execute("insert into landing.main.homes from homes_now")
        con.execute("drop table homes_now")
        touch_history(con, changed, now)
        failpoint("homes-changed")
    rows = con.execute("select platform, tenant from landing.main.homes union select platform, home from landing.main.homes")
    sharing: dict[str, frozenset[str]] = {}
    for platform, tenant in rows.fetchall():
        sharing[platform] = sharing.get(platform, frozenset()) | {tenant}
    return sharing, changed


def everywhere(accounts: Iterable[tuple[str, str, str]], sharing: Sharing) -> set[tuple[str, str, str]]:
    """Accounts (platform, tenant, native id), and the same numbers in every workspace that shares a channel with theirs."""
    found = set(accounts)
    for platform, tenant, native in tuple(found):
        tenants = sharing.get(platform, frozenset())
        if tenant in tenants:
            found |= {(platform, other, native) for other in tenants}
    return found


def in_workspaces(con: duckdb.DuckDBPyConnection, accounts: Iterable[tuple[str, str, str]]) -> set[tuple[str, str, str]]:
    """Accounts (platform, tenant, native id) of which the tenant may be a pattern such as `*`: in every tenant that landed."""
    given = set(accounts)
    patterns = {account for account in given if any(sign in account[1] for sign in "*?[")}
    known = con.execute("select distinct platform, tenant from landing.main.interactions").fetchall() if patterns else []
    return (given - patterns) | {
        (platform, tenant, native)
        for platform, pattern, native in patterns
        for of, tenant in known
        if of == platform and fnmatchcase(tenant, pattern)
    }


# Only spaces that came through two workspaces are compared record by record.
_HOMES = """
create or replace temp table homes_now as
with spaces as (
    select platform, space
    from landing.main.interactions
    where list_contains(?, platform)
    group by all
    having min(tenant) <> max(tenant)
), reported as (
    select
        platform,
        space,
        tenant,
        occurred_at,
        substr(event_id, length(platform) + length(tenant) + 3) as natural_key
    from landing.main.interactions
    semi join spaces using (platform, space)
), twice as (
    select platform, space, natural_key
    from reported
    -- A moment is not enough: the key of a message has the microsecond.
    group by all
    having min(tenant) <> max(tenant)
), tenants as (
    select distinct platform, space, tenant from reported semi join twice using (platform, space, natural_key)
), oldest as (
    select platform, space, tenant, min(occurred_at) as oldest_at
    from reported
    semi join tenants using (platform, space, tenant)
    group by all
), homes as (
    select platform, space, arg_min(tenant, (oldest_at, tenant)) as home from oldest group by all
)
select platform, tenant, space, home
from oldest
join homes using (platform, space)
where tenant <> home
"""

_CHANGED = """
with differs as (
    from (from homes_now except from landing.main.homes)
    union
    from (from landing.main.homes except from homes_now)
)
select distinct community
from landing.main.interactions
semi join differs using (platform, space)
order by community
"""
