/*
summary: What the rules of levels need to know of each member at each evaluation, beside the bars that this evaluation applies.
grain: [person, evaluation]
materialized: view
reads: [core.first_seen, core.parameters, landing.roles, levels.activity, levels.calendar, levels.memberships, levels.people, levels.reach]
columns:
  person: number of the member
  evaluation: number of the evaluation
  community: the community
  member: published pseudonym
  window_end: the evaluation, a Monday 00:00 UTC, exclusive
  turn: number of the evaluation within its community, from 1
  week: number of the evaluation's Monday
  window_weeks: weeks in the window
  memory_weeks: weeks for which a sign of a member is remembered
  beats_alive: live beats of the window
  ties_seen: as in core.windows; where ties are not visible, no level asks for them
  help_seen: the same of help
  held: whether an announced break holds every level
  newcomer_from: whoever began after this moment is a newcomer
  bar_core_beats: as in levels.evaluations
  bar_core_people: as in levels.evaluations
  bar_core_hosted: as in levels.evaluations
  bar_active_beats: as in levels.evaluations
  bar_active_ties: as in levels.evaluations
  bar_stay_core_beats: as in levels.evaluations
  bar_stay_core_people: as in levels.evaluations
  bar_stay_active_beats: as in levels.evaluations
  bar_stay_active_ties: as in levels.evaluations
  bar_met: as in levels.evaluations
  bar_missed: as in levels.evaluations
  contributions: contributions in the window that stand
  beats_active: live beats of the window in which the member contributed or attended
  beats_contributed: beats of the window in which the member contributed, live or not
  beats_come: beats of the window with a contribution, presence or reading, live or not
  beats_present: beats of the window with presence or reading, live or not
  beats_hosted: live beats of the window in which the member hosted
  hosted: meetings hosted in the window
  joins: joins in the window
  ties: distinct people with whom the member was in touch in the window, see levels.reach
  helped: distinct others whom the member helped in the window, see levels.reach
  weeks_silent: weeks since the last sign of any kind
  is_silent: whether the window holds no sign, leaves aside
  contributed_first: first week of the window with a contribution
  contributed_before: last week with a contribution before that one; absent where there was none
  came_before: last week with a contribution, presence or reading before the first such week of the window; absent where there was none
  explicit: whether the member is declared, by a join that no later leave undid
  has_left: whether the member left, and gave no sign in a later week
  began_at: the first contribution, or else the join, or else the first sign
  may_be_veteran: whether the member may have been there before the records begin
  facilitator: whether the member is a facilitator by a role at that time, or hosted enough meetings in the window
  sponsor_staff: whether the member is sponsor or staff by a role at that time
*/
with roles as (
    select
        people.person,
        calendar.evaluation,
        bool_or(roles.role = 'facilitator') as facilitator,
        bool_or(roles.role in ('sponsor', 'staff')) as sponsor_staff
    from landing.roles
    semi join building using (community)
    join levels.people using (community, member)
    join levels.calendar
        on calendar.community = roles.community
        and coalesce(roles.valid_from < calendar.window_end, true)
        and coalesce(roles.valid_to >= calendar.window_end, true)
    group by all
), reach as (
    select spells.person, calendar.evaluation, spells.ties, spells.helped
    from (
        select person, community, window_weeks, ties, helped, unnest(range(from_week, to_week)) as week
        from levels.reach
        join levels.people using (community, member)
        where ties > 0 or helped > 0
    ) as spells
    join levels.calendar using (community, window_weeks, week)
), began as (
    select person, first_at, joined_at, least(first_at, joined_at, first_event_at) as first_event_at, may_be_veteran
    from core.first_seen
    join levels.people using (community, member)
), active as (
    select
        calendar.*,
        activity.* exclude (evaluation, beats),
        people.member,
        count_beats(active_beats(activity.beats) & live_beats) as beats_active,
        count_beats(contributed_beats(activity.beats)) as beats_contributed,
        count_beats(contributed_beats(activity.beats) | present_beats(activity.beats)) as beats_come,
        count_beats(present_beats(activity.beats)) as beats_present,
        count_beats(hosted_beats(activity.beats) & live_beats) as beats_hosted
    from levels.activity
    join levels.people using (person)
    join levels.calendar using (evaluation)
)
select
    active.* exclude (week_before, memory_weeks_before, n_beats, live_beats, last_week, last_event),
    -- Whoever gave no sign in the window has no ties in it either: a leave alone is no sign.
    if(last_event is null, 0, coalesce(reach.ties, 0)) as ties,
    if(last_event is null, 0, coalesce(reach.helped, 0)) as helped,
    active.week - last_week as weeks_silent,
    last_event is null as is_silent,
    coalesce(memberships.joined, false) as explicit,
    coalesce(not memberships.joined and coalesce(last_event, last_week) <= memberships.week, false) as has_left,
    coalesce(
        if(first_at < window_end, first_at, null),
        if(joined_at < window_end, joined_at, null),
        first_event_at
    ) as began_at,
    coalesce(may_be_veteran, false) as may_be_veteran,
    coalesce(roles.facilitator, false) or hosted >= facilitator_meetings as facilitator,
    coalesce(roles.sponsor_staff, false) as sponsor_staff
from active
join core.parameters using (community)
left join reach on reach.person = active.person and reach.evaluation = active.evaluation
left join levels.memberships
    on memberships.person = active.person
    and memberships.week < active.week
    and memberships.until_week >= active.week
left join began on began.person = active.person
left join roles on roles.person = active.person and roles.evaluation = active.evaluation
