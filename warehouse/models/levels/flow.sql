/*
summary: How many people moved from one level to another since one whole window before. Sponsors' staff, and evaluations that give no level, are left out.
grain: [community, window_end, from_level, to_level]
reads: [core.windows, levels.evaluations]
columns:
  community: the community
  window_end: the evaluation, a Monday 00:00 UTC, exclusive
  from_level: level at the last evaluation not later than the window's start; not seen where somebody was not there
  to_level: level at the evaluation; not seen where somebody is no longer there
  members: people who moved so, or stayed where both are the same
*/
with pairs as (
    select
        windows.community,
        windows.window_end,
        earlier.window_end as before_end,
        -- an evaluation as one number, so that people are matched by it and their name alone
        row_number() over () as evaluation
    from core.windows
    asof join core.windows as earlier
        on earlier.community = windows.community and earlier.window_end <= windows.window_start
), placed as (
    select community, window_end, member, level
    from levels.evaluations
    where not sponsor_staff and level <> 'not seen'
), ends as (
    select pairs.evaluation, placed.member, placed.level as to_level, null as from_level
    from placed
    join pairs using (community, window_end)
    union all
    select pairs.evaluation, placed.member, null, placed.level
    from placed
    join pairs on pairs.community = placed.community and pairs.before_end = placed.window_end
), moved as (
    select
        evaluation,
        member,
        coalesce(max(from_level), 'not seen') as from_level,
        coalesce(max(to_level), 'not seen') as to_level
    from ends
    group by all
)
select pairs.community, pairs.window_end, moved.from_level, moved.to_level, count(*) as members
from moved
join pairs using (evaluation)
where moved.from_level <> 'insufficient' and moved.to_level <> 'insufficient'
group by all
