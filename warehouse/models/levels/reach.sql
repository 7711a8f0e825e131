/*
summary: With how many people a member is in touch, and how many a member helped, within the window before each week; rows where it changes.
grain: [community, window_weeks, member, from_week]
reads: [core.parameters, core.windows, levels.pair_weeks, levels.people]
columns:
  community: the community
  window_weeks: length of the window; one story for each length that the community's evaluations use
  member: the member
  from_week: Monday of the first evaluation for which this holds
  to_week: Monday of the first for which it holds no more
  ties: distinct people with whom the member is in touch within the window, by any of the rules below
  helped: distinct others whom the member helped within the window, see core.helps; in chat without threads also by taking turns
caveats:
  - Two people are in touch when both acted towards the other, as core.ties sees it.
  - In chat without threads also when they took turns core.parameters.chat_turns times and core.parameters.chance_times as often as by chance.
  - In meetings with turns when they took turns core.parameters.meeting_turns times.
  - Where a meeting shows only who was there, when they were together at core.parameters.together_meetings small meetings.
  - Each rule counts alone; half of one and half of another is no tie.
*/
-- What happened in week w is seen by the evaluations w+1 to w+length: it is added at the first and taken away after the last, so a
-- running sum over a pair's changes is what the window holds.
with lengths as (
    select distinct community, window_weeks
    from core.windows
), changes as (
    select pair_weeks.* exclude (week), window_weeks, week + 1 as week, 1 as sign
    from levels.pair_weeks
    join lengths using (community)
    union all
    select pair_weeks.* exclude (week), window_weeks, week + window_weeks + 1, -1
    from levels.pair_weeks
    join lengths using (community)
), weekly as (
    select
        community, window_weeks, low, high, week,
        sum(sign * upward::integer) as upward,
        sum(sign * downward::integer) as downward,
        sum(sign * low_helped::integer) as low_helped,
        sum(sign * high_helped::integer) as high_helped,
        sum(sign * chat_turns) as chat_turns,
        sum(sign * chance_millionths) as chance_millionths,
        sum(sign * low_between) as low_between,
        sum(sign * high_between) as high_between,
        sum(sign * meeting_turns) as meeting_turns,
        sum(sign * meetings) as meetings
    from changes
    group by all
), within as (
    select
        weekly.community,
        window_weeks,
        low,
        high,
        week,
        sum(upward) over so_far > 0 and sum(downward) over so_far > 0 as acted,
        sum(weekly.chat_turns) over so_far >= parameters.chat_turns
            and 1e6 * sum(weekly.chat_turns) over so_far >= chance_times * sum(chance_millionths) over so_far as took_turns,
        sum(weekly.meeting_turns) over so_far >= parameters.meeting_turns as spoke,
        sum(meetings) over so_far >= together_meetings as met,
        sum(low_helped) over so_far > 0 as low_helps,
        sum(high_helped) over so_far > 0 as high_helps,
        sum(low_between) over so_far > 0 as low_answers,
        sum(high_between) over so_far > 0 as high_answers
    from weekly
    join core.parameters using (community)
    window so_far as (partition by window_weeks, low, high order by week)
), states as (
    select
        window_weeks, low, high, week,
        cast(acted or took_turns or spoke or met as integer) as tied,
        cast(low_helps or (took_turns and low_answers) as integer) as low_helps,
        cast(high_helps or (took_turns and high_answers) as integer) as high_helps
    from within
), moves as (
    select
        window_weeks, low, high, week,
        tied - coalesce(lag(tied) over story, 0) as tied,
        low_helps - coalesce(lag(low_helps) over story, 0) as low_helps,
        high_helps - coalesce(lag(high_helps) over story, 0) as high_helps
    from states
    window story as (partition by window_weeks, low, high order by week)
), of_person as (
    select window_weeks, low as person, week, tied, low_helps as helps from moves
    union all
    select window_weeks, high, week, tied, high_helps from moves
), steps as (
    select window_weeks, person, week, sum(tied) as ties, sum(helps) as helped
    from of_person
    group by all
    having sum(tied) <> 0 or sum(helps) <> 0
)
select
    people.community,
    steps.window_weeks,
    people.member,
    cast(steps.week as integer) as from_week,
    -- every window closes, so that the last row says 0 and its end does not matter
    cast(coalesce(lead(steps.week) over so_far, steps.week) as integer) as to_week,
    cast(sum(steps.ties) over so_far as integer) as ties,
    cast(sum(steps.helped) over so_far as integer) as helped
from steps
join levels.people using (person)
window so_far as (partition by steps.window_weeks, steps.person order by steps.week)
