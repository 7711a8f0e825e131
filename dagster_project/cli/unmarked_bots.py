"""Unmarked bots: accounts that count as people and look like programs, by their quick answers or by their names."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from dagster_project.published import Tables, open_current
from dagster_project.settings import Settings
from events.account import Account
from events.identity import published_pseudonym
from warehouse.files import IDENTITY
from warehouse.identity.store import IdentityStore

QUICK_SECONDS = 5
"""Nobody reads and answers in this time, again and again."""
LEAST_QUICK = 20
LEAST_QUICK_SHARE = 0.5
LEAST_WEEKS = 4
"""How often, in what share of what it writes and in how many weeks an account answers that quickly to be suggested."""
_NAMES = re.compile(r"(?i:\bbots?\b|[-_]bot\b|note ?takers?\b|\btranscrib(?:er|ing)\b|\brecorder\b)|[a-z0-9]Bot\b")
_QUICK = """
with messages as (
    select
        community,
        member,
        week,
        occurred_at,
        lag(member) over before as member_before,
        lag(occurred_at) over before as before_at
    from core.interactions
    where actor_kind = 'human' and is_contribution and medium in ('chat', 'meeting')
    window before as (partition by community, medium, space order by occurred_at, event_id)
), answers as (
    select *, member <> member_before and occurred_at - before_at <= to_seconds(?) as quick from messages
)
select community, member, count(*) filter (quick) as quick, count(*) as written
from answers
group by all
having count(*) filter (quick) >= ?
    and count(*) filter (quick) >= ? * count(*)
    and count(distinct week) filter (quick) >= ?
"""
_PEOPLE = "select distinct community, member from core.interactions where actor_kind = 'human' and member is not null"


@dataclass(frozen=True, slots=True)
class Unmarked:
    """An account that looks like a program, and why."""

    account: Account
    why: str


def unmarked_bots(settings: Settings) -> list[Unmarked]:
    """The accounts that look like programs and are not marked, by platform and id; none where nothing was published yet."""
    if not settings.paths.published.exists() or not (settings.home / IDENTITY).exists():
        return []
    with open_current(settings.paths.published) as tables, IdentityStore(settings.home / IDENTITY) as store:
        found = dict(_looking(tables, store, settings.key()))
    return [found[key] for key in sorted(found)]


def row_of(found: Unmarked) -> str:
    """The row of the settings that marks it, with the reason as a comment."""
    account = found.account
    return (
        f'[[bots]]  # {found.why}\nplatform = "{account.platform}"\nworkspace = "{account.tenant}"\n'
        f'accounts = ["{account.native_id}"]'
    )


def _looking(tables: Tables, store: IdentityStore, key: bytes) -> Iterator[tuple[tuple[str, str, str], Unmarked]]:
    coarse = tables.rows("select 1 from meta.builds where detail = 'coarse' and build = (select max(build) from meta.builds)")
    answers = [] if coarse else tables.rows(_QUICK, [QUICK_SECONDS, LEAST_QUICK, LEAST_QUICK_SHARE, LEAST_WEEKS])
    quick = {(row["community"], row["member"]): row for row in answers}
    people = {(row["community"], row["member"]) for row in tables.rows(_PEOPLE)}
    communities = sorted({community for community, _ in people})
    members = store.members()
    for actor in store.actors():
        known = {(slug, published_pseudonym(key, slug, members.get(actor, actor))) for slug in communities} & people
        account = store.account(actor) if known else None
        why = account and _why(account, [quick[one] for one in known if one in quick])
        if account and why:
            yield (account.platform, account.tenant, account.native_id), Unmarked(account, why)


def _why(account: Account, quick: list[dict[str, int]]) -> str | None:
    if quick:
        return f"{quick[0]['quick']} of its {quick[0]['written']} messages answer within {QUICK_SECONDS} seconds"
    names = (account.display_name, account.handle)
    return "its name" if any(name and _NAMES.search(name) for name in names) else None
