"""Kinds of accounts: which accounts are programs, system accounts or anonymous, decided as of now and for all of the past.

A bot flag that the platform set once holds for every record of the account, and so does the list of bots in the settings,
whenever it was written. What the platform's own list of accounts says (a bot, or explicitly none) comes before the flags of
messages, because a person may post through an app; the settings come before both. Interactions keep the flag they came with;
`core.interactions` reads the kind here.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

import duckdb
import pyarrow as pa

from warehouse.db import transaction
from warehouse.failpoint import failpoint
from warehouse.landing.arrivals import touch_history

SETTINGS = "settings"
PLATFORM = "platform"


def sync_kinds(
    con: duckdb.DuckDBPyConnection, listed: Sequence[str], accounts: Mapping[str, str], now: datetime
) -> tuple[str, ...]:
    """Write `landing.kinds`; returns the communities where a known account is of another kind now, sorted.

    These communities are built again whole. `listed` are actors that the settings call bots; `accounts` maps actors to the kind
    that the platform's list of accounts shows. `now` is naive UTC.
    """
    rows = [(actor, "bot", SETTINGS) for actor in listed] + [(actor, kind, PLATFORM) for actor, kind in accounts.items()]
    columns = list(zip(*rows, strict=True)) if rows else [(), (), ()]
    names = ("actor", "kind", "reason")
    table = pa.table({name: pa.array(list(column), pa.string()) for name, column in zip(names, columns, strict=True)})
    con.register("known_kinds", table)
    try:
        with transaction(con):
            con.execute(_KINDS)
            changed = tuple(community for (community,) in con.execute(_CHANGED).fetchall())
            con.execute("delete from landing.main.kinds")
            con.execute("insert into landing.main.kinds from kinds_now")
            con.execute("drop table kinds_now")
            touch_history(con, changed, now)
            failpoint("kinds-changed")
    finally:
        con.unregister("known_kinds")
    return changed


_KINDS = """
create or replace temp table kinds_now as
with known as (
    select actor, kind, reason from known_kinds
    union all
    select distinct actor, actor_kind, 'flag' from landing.main.interactions where actor_kind <> 'human'
)
select
    actor,
    -- A program is a program however it looks elsewhere; what the platform runs itself comes before what has no account.
    case
        when bool_or(reason = 'settings') then 'bot'
        when bool_or(kind = 'human') then 'human'
        when bool_or(kind = 'bot') then 'bot'
        when bool_or(kind = 'system') then 'system'
        else 'anonymous'
    end as kind,
    if(bool_or(reason = 'settings'), 'settings', 'platform') as reason
from known
group by actor
-- Nobody ever called the others anything else.
having bool_or(kind <> 'human')
"""

_CHANGED = """
with differs as (
    select coalesce(kinds_now.actor, kinds.actor) as actor
    from kinds_now
    full join landing.main.kinds as kinds using (actor)
    where kinds_now.kind is distinct from kinds.kind
)
select distinct community from landing.main.people semi join differs using (actor) order by community
"""
