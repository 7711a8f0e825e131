/*
summary: With how many people a member has mutual ties, and how many a member helped, within the window before each week; rows where it changes.
grain: [community, window_weeks, member, from_week]
reads: [core.helps, core.ties, core.windows]
columns:
  community: the community
  window_weeks: length of the window; one story for each length that the community's evaluations use
  member: the member
  from_week: Monday of the first evaluation for which this holds
  to_week: Monday of the first for which it holds no more
  ties: distinct people with whom there were acts in both directions within the window
  helped: distinct others whose thread, question or page the member answered or improved within the window
*/
-- A pair that acted in week w is seen by the evaluations w+1 to w+length. Every act opens such a spell and the pair's next act closes
-- it, so the spells of one pair never overlap and a running sum of +1 and -1 counts distinct others exactly.
with lengths as (
    select distinct community, window_weeks
    from core.windows
), people as materialized (
    select community, member, cast(row_number() over () as integer) as person
    from (
        select community, unnest([member, to_member]) as member from core.ties
        union
        select community, unnest([member, helped]) as member from core.helps
    )
), tie_weeks as materialized (
    select
        ties.community,
        least(one.person, other.person) as low,
        greatest(one.person, other.person) as high,
        ties.week,
        bool_or(one.person < other.person) as upward,
        bool_or(one.person > other.person) as downward
    from core.ties
    join people as one on one.community = ties.community and one.member = ties.member
    join people as other on other.community = ties.community and other.member = ties.to_member
    where one.person <> other.person
    group by all
), both_ways as (
    select low, high
    from tie_weeks
    group by all
    having bool_or(upward) and bool_or(downward)
), latest as (
    select
        window_weeks,
        low,
        high,
        week,
        max(if(upward, week, null)) over story as last_upward,
        max(if(downward, week, null)) over story as last_downward,
        lead(week) over story as next_week
    from tie_weeks
    semi join both_ways using (low, high)
    join lengths using (community)
    window story as (partition by window_weeks, low, high order by week)
), mutual as (
    select
        window_weeks,
        unnest([low, high]) as person,
        week + 1 as opens,
        -- least() passes over an absent next week, which is what is meant here; not so for the two ways, hence the `where`
        least(next_week, last_upward + window_weeks, last_downward + window_weeks) + 1 as closes
    from latest
    where last_upward is not null
        and last_downward is not null
        and least(last_upward, last_downward) + window_weeks > week
), help_weeks as (
    select distinct helps.community, one.person as person, other.person as other, helps.week
    from core.helps
    join people as one on one.community = helps.community and one.member = helps.member
    join people as other on other.community = helps.community and other.member = helps.helped
    where one.person <> other.person
), helping as (
    select
        window_weeks,
        person,
        week + 1 as opens,
        least(lead(week) over (partition by window_weeks, person, other order by week), week + window_weeks) + 1 as closes
    from help_weeks
    join lengths using (community)
), changes as (
    select window_weeks, person, opens as week, 1 as ties, 0 as helped from mutual
    union all
    select window_weeks, person, closes, -1, 0 from mutual
    union all
    select window_weeks, person, opens, 0, 1 from helping
    union all
    select window_weeks, person, closes, 0, -1 from helping
), weekly as (
    select window_weeks, person, week, sum(ties) as ties, sum(helped) as helped
    from changes
    group by all
    having sum(ties) <> 0 or sum(helped) <> 0
)
select
    people.community,
    weekly.window_weeks,
    people.member,
    cast(weekly.week as integer) as from_week,
    -- every spell closes, so that the last row says 0 and its end does not matter
    cast(coalesce(lead(weekly.week) over so_far, weekly.week) as integer) as to_week,
    cast(sum(weekly.ties) over so_far as integer) as ties,
    cast(sum(weekly.helped) over so_far as integer) as helped
from weekly
join people using (person)
window so_far as (partition by weekly.window_weeks, weekly.person order by weekly.week)
