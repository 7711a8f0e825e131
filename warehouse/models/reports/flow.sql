/*
summary: How many people moved from one level to another since the window before, as a sponsor may see it.
grain: [community, window_end, from_level, to_level]
reads: [core.windows, levels.flow, scorecard.limits]
columns:
  community: the community
  window_end: the evaluation, a Monday 00:00 UTC, exclusive
  from_level: level one whole window before; core, active, occasional, peripheral, transactional or dormant
  to_level: another of these levels, at the evaluation
  members: people who moved so, as the lower end of their group of five; no row where fewer than five, or where the community has fewer than 15 contributors
checks:
  - name: no_small_group
    rule: No count of people below five is shown, and all are multiples of five.
    sql: select community from {table} where members < 5 or members % 5 <> 0
*/
-- Who stayed, who came and who left for good are not in it: so the numbers at each level, which are shown too, are never the sum of
-- what is shown here and one thing more.
with shown as (
    select unnest(['core', 'active', 'occasional', 'peripheral', 'transactional', 'dormant']) as level
)
select
    flow.community,
    flow.window_end,
    flow.from_level,
    flow.to_level,
    cast(flow.members // fewest_people * fewest_people as bigint) as members
from levels.flow
join core.windows using (community, window_end)
semi join shown as shown_from on shown_from.level = flow.from_level
semi join shown as shown_to on shown_to.level = flow.to_level
cross join scorecard.limits
where flow.from_level <> flow.to_level
    and flow.members >= fewest_people
    and windows.contributors >= small_community
