/*
summary: How many people moved from one level to another since the window before, as a sponsor may see it.
grain: [community, window_end, from_level, to_level]
source: [core.windows, levels.flow]
columns:
  community: the community
  window_end: the evaluation, a Monday 00:00 UTC, exclusive
  from_level: level one whole window before
  to_level: level at the evaluation
  members: people who moved so, rounded to five; absent where fewer than five
  withheld: why there is no number, or nothing
checks:
  - name: no_small_group
    says: No count of people below five is shown.
    sql: select community from {table} where members < 5
*/
with params as (
    select 5 as fewest_people, 15 as small_community
)
select
    flow.community,
    flow.window_end,
    flow.from_level,
    flow.to_level,
    if(
        windows.contributors >= small_community and flow.members >= fewest_people,
        cast(round(flow.members / 5.0) * 5 as bigint),
        null
    ) as members,
    case
        when windows.contributors < small_community then 'fewer than 15 contributors'
        when flow.members < fewest_people then 'fewer than 5'
    end as withheld
from levels.flow
join core.windows using (community, window_end)
cross join params
