/*
summary: What each member did in the window of each evaluation; also those who did nothing in it and are remembered.
grain: [person, evaluation]
materialized: view
reads: [core.beats, core.member_weeks, levels.calendar, levels.memberships, levels.people]
columns:
  person: number of the member
  evaluation: number of the evaluation
  last_week: week of the member's last sign of any kind
  last_event: week of the last sign in the window, leaves aside; absent where the window holds none
  contributions: contributions in the window that stand
  beats: beats in which the member was active, contributed, was present or hosted, see pack_signs
  hosted: meetings hosted in the window
  joins: joins in the window
  contributed_first: first week of the window with a contribution
  contributed_before: last week with a contribution before that one; absent where there was none
  came_before: last week with a contribution, presence or reading before the first such week of the window; absent where there was none
*/
with beat_weeks as (
    -- The weeks that an evaluation sees, each with its beat.
    select
        beats.community,
        calendar.evaluation,
        cast(unnest(range(beats.from_week, beats.to_week)) as integer) as week,
        beat_bit(beats.beat) as beat
    from core.beats
    join levels.calendar using (community, window_end)
), weeks as materialized (
    select
        people.person,
        member_weeks.community,
        member_weeks.week,
        member_weeks.contributions > 0 as contributed,
        -- A week that holds nothing but a leave is a sign, but no event of the window; a week of undone edits is an event.
        member_weeks.contributions + attendances + hosted + other_presence + consumption + joins > 0 or leaves = 0 as is_event,
        cast(member_weeks.contributions as integer) as contributions,
        cast(member_weeks.hosted as integer) as hosted,
        cast(member_weeks.joins as integer) as joins,
        pack_signs(
            contributed or attendances > 0,
            contributed,
            attendances + other_presence + consumption > 0,
            member_weeks.hosted > 0
        ) as signs,
        contributed or attendances + other_presence + consumption > 0 as came,
        max(if(contributed, member_weeks.week, null)) over earlier as contributed_before,
        max(if(came, member_weeks.week, null)) over earlier as came_before,
        lead(member_weeks.week) over story as next_week
    from core.member_weeks
    join levels.people using (community, member)
    window
        story as (partition by people.person order by member_weeks.week),
        earlier as (story rows between unbounded preceding and 1 preceding)
), seen as (
    select
        weeks.person,
        beat_weeks.evaluation,
        max(weeks.week) as last_week,
        max(if(is_event, weeks.week, null)) as last_event,
        cast(sum(contributions) as integer) as contributions,
        bit_or(signs * beat) as beats,
        cast(sum(hosted) as integer) as hosted,
        cast(sum(joins) as integer) as joins,
        min(if(contributed, weeks.week, null)) as contributed_first,
        -- Not arg_min: it passes over the first contribution of all, which has none before it.
        arg_min_null(contributed_before, if(contributed, weeks.week, null)) as contributed_before,
        arg_min_null(came_before, if(came, weeks.week, null)) as came_before
    from weeks
    join beat_weeks using (community, week)
    group by all
), remembered as (
    select
        community,
        min(window_weeks) as shortest_window,
        max(memory_weeks) + coalesce(max(week - week_before), 0) as longest_memory,
        max(week) as last_week
    from levels.calendar
    group by all
), quiet as (
    -- The weeks in which an evaluation may find somebody silent: after a window without a sign, until the next sign.
    select
        weeks.person,
        weeks.community,
        weeks.week as last_week,
        unnest(range(
            weeks.week + shortest_window + 1,
            least(weeks.next_week, remembered.last_week, if(declared.person is null, weeks.week + longest_memory, null)) + 1
        )) as week
    from weeks
    join remembered using (community)
    left join (select distinct person from levels.memberships where joined) as declared using (person)
    where weeks.next_week is null or weeks.next_week - weeks.week > shortest_window
), silent as (
    -- One evaluation more than somebody is remembered: that row is where they departed.
    select
        quiet.person,
        calendar.evaluation,
        quiet.last_week,
        0 as contributions,
        0 as beats,
        0 as hosted,
        0 as joins
    from quiet
    join levels.calendar on calendar.community = quiet.community and calendar.week = quiet.week
    left join levels.memberships
        on memberships.person = quiet.person
        and memberships.week < quiet.week
        and memberships.until_week >= quiet.week
    where quiet.week > quiet.last_week + window_weeks
        and (
            quiet.week - quiet.last_week <= memory_weeks
            or (week_before > quiet.last_week and week_before - quiet.last_week <= memory_weeks_before)
            or memberships.joined
        )
)
from seen
union all by name
from silent
