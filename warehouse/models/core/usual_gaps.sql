/*
summary: The silence that ends a conversation, of each space in each week, from the gaps of the weeks before.
grain: [community, space, week]
materialized: view
reads: [core.placed_messages]
columns:
  community: the community
  space: channel or namespace
  week: number of the Monday
  usual_gap: the 90th percentile of the gaps between messages, in milliseconds, between the bounds
*/
with params as (
    select
        -- milliseconds: 10 minutes, 24 hours
        600_000 as shortest_gap,
        86_400_000 as longest_gap,
        0.9 as percentile,
        13 as remembered_weeks
), weekly as (
    -- Cut to the bounds first: that changes no percentile between them, and leaves few different gaps to count.
    select community, space, week, greatest(shortest_gap, least(longest_gap, gap)) as gap, count(*) as times
    from core.placed_messages
    cross join params
    where gap is not null
    group by all
), spread as (
    select community, space, unnest(generate_series(week + 1, week + params.remembered_weeks)) as week, gap, times
    from weekly
    cross join params
), remembered as (
    select community, space, week, gap, sum(times) as times
    from spread
    semi join core.placed_messages using (community, space, week)
    group by all
), ranked as (
    select
        community,
        space,
        week,
        gap,
        sum(times) over (partition by community, space, week order by gap) as up_to,
        sum(times) over (partition by community, space, week) as total
    from remembered
)
select community, space, week, min(gap) filter (up_to >= percentile * total) as usual_gap
from ranked
cross join params
group by all
