/*
summary: When each member was first and last seen, over closed weeks, and whether that may be later than they came; also those who are bots.
grain: [community, member]
reads: [core.interactions, core.parameters]
columns:
  community: the community
  member: published pseudonym
  actor_kind: human where any of the member's accounts is a person's, else bot, anonymous or system
  first_at: first contribution, also when it was undone since; absent where there was none
  first_event_at: first sign of any kind
  joined_at: first explicit join; absent where there was none
  left_at: latest explicit leave; absent where there was none
  last_at: latest sign of any kind
  may_be_veteran: whether the member may have been there before the records begin, and so is never called new
caveats:
  - An archive that begins in the middle of a community's life shows old members for the first time. Whoever is first seen in the first 52 weeks of a platform's records (core.parameters.year_weeks) may be one of them.
  - A join, or the creation of an account, that comes before the first sign or within a day of it says that somebody is new, and wins.
  - Where a community begins to use a further platform, those who are first seen on it may be veterans for a year, because records cannot tell them from old members who were silent elsewhere.
checks:
  - name: order
    rule: Nobody contributed before being seen, or was seen last before being seen first.
    sql: select member from {table} where first_at < first_event_at or last_at < first_event_at
*/
with params as (
    select interval 1 day as join_tolerance
), seen as (
    select interactions.*
    from core.interactions
    join building using (community)
    where interactions.week < week_of(building.as_of)
), platforms as (
    select community, platform, min(week) as first_week
    from seen
    group by all
), members as (
    select
        community,
        member,
        case
            when bool_or(actor_kind = 'human') then 'human'
            when bool_or(actor_kind = 'bot') then 'bot'
            when bool_or(actor_kind = 'anonymous') then 'anonymous'
            else 'system'
        end as actor_kind,
        min(occurred_at) filter (is_contribution) as first_at,
        min(occurred_at) as first_event_at,
        min(occurred_at) filter (verb = 'join') as joined_at,
        max(occurred_at) filter (verb = 'leave') as left_at,
        max(occurred_at) as last_at,
        arg_min(platform, (occurred_at, event_id)) as platform
    from seen
    where member is not null
    group by all
)
select
    members.* exclude (platform),
    week_of(first_event_at) < platforms.first_week + parameters.year_weeks
        and coalesce(joined_at > first_event_at + params.join_tolerance, true) as may_be_veteran
from members
cross join params
join core.parameters using (community)
join platforms using (community, platform)
