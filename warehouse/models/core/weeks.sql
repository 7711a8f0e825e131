/*
summary: The spine of time. Each community's closed weeks since its first sign, each with the beats of every length that end with it.
grain: [community, week, beat_weeks]
reads: [core.interactions, core.member_weeks, core.parameters, landing.breaks]
columns:
  community: the community
  week: the Monday with which the beat ends, exclusive
  beat_weeks: length of the beat, 1, 2, 4, 8 or 13 weeks
  first_week: Monday of the week of the community's first sign
  people: distinct people who contributed or attended in the beat
  lived: whether the archive is old enough to hold the whole beat
  in_break: whether more than half of its days lie in announced breaks
  alive: whether it counts and three people or more contributed or attended
  counted: whether it counts, lived and not in a break
*/
with seen as (
    select community, week from core.interactions
    union all
    select community, week from core.member_weeks -- an edge of attendance may belong to the week before
), began as (
    select seen.community, min(seen.week) as first_week, any_value(week_of(building.as_of)) as now_week
    from seen
    join building using (community)
    where seen.week < week_of(building.as_of)
    group by all
), spine as (
    select community, first_week, unnest(generate_series(first_week + 1, now_week)) as week
    from began
), shows as (
    select
        community,
        member,
        week,
        lead(week) over (partition by community, member order by week) as next_week
    from core.member_weeks
    where contributions > 0 or attendances > 0
), steps as (
    -- Somebody is within the beat that ends at e from the week after they showed until they show again or the beat has passed:
    -- intervals of one person do not overlap, so the running sum counts people.
    select community, beat_weeks, week + 1 as week, 1 as change
    from shows
    cross join beat_lengths
    union all
    select community, beat_weeks, least(coalesce(next_week, week + beat_weeks), week + beat_weeks) + 1, -1
    from shows
    cross join beat_lengths
), changes as (
    select community, beat_weeks, week, sum(change) as change
    from steps
    group by all
), break_days as (
    select distinct breaks.community, unnest(generate_series(
        date_trunc('day', breaks.starts_at),
        least(breaks.ends_at, building.as_of) - interval 1 second,
        interval 1 day
    )) as day
    from landing.breaks
    join building using (community)
    where breaks.starts_at < building.as_of
), pauses as (
    select community, week_of(day) + 1 as week, count(*) as days
    from break_days
    group by all
), counted as (
    select
        spine.community,
        spine.week,
        beat_lengths.beat_weeks,
        spine.first_week,
        cast(sum(coalesce(changes.change, 0)) over so_far as bigint) as people,
        spine.week - beat_lengths.beat_weeks >= spine.first_week as lived,
        sum(coalesce(pauses.days, 0)) over (
            partition by spine.community, beat_lengths.beat_weeks
            order by spine.week
            rows between beat_lengths.beat_weeks - 1 preceding and current row
        ) > parameters.break_share * 7 * beat_lengths.beat_weeks as in_break,
        parameters.alive_people
    from spine
    join core.parameters using (community)
    cross join beat_lengths
    left join changes using (community, beat_weeks, week)
    left join pauses using (community, week)
    window so_far as (partition by spine.community, beat_lengths.beat_weeks order by spine.week rows unbounded preceding)
)
select
    community,
    week,
    beat_weeks,
    first_week,
    people,
    lived,
    in_break,
    lived and not in_break and people >= alive_people as alive,
    lived and not in_break as counted
from counted
