/*
summary: The level that the rules give each member at each evaluation, before confirmation. levels.evaluations confirms it.
grain: [person, turn]
materialized: view
reads: [core.parameters, levels.counts]
columns:
  person: number of the member
  turn: number of the evaluation within its community, from 1
  week: the evaluation's Monday
  memory_weeks: weeks for which a sign of a member is remembered
  held: whether an announced break holds every level
  lapsed: whether the last sign is older than memory_weeks
  lately: whether the last sign lies in this window or in the one before
  comes_back: whether the member came more than once in the year, or is declared, so that a silence is that of somebody known
  because: what a reason adds to the level, `new`, `declared`, `again`, `once`, `nothing`, `regular` or `plain`
  community: the community
  window_end: the evaluation, a Monday 00:00 UTC, exclusive
  member: published pseudonym
  target: a level, or `silent` (no sign in the window), or `gone` (left)
  stay_core: whether the member meets the bars to stay in core
  stay_active: whether the member meets the bars to stay active
  contributions: contributions in the window that stand
  beats_active: live beats of the window in which the member contributed or attended
  beats_alive: live beats of the window
  beats_contributed: beats of the window in which the member contributed, live or not
  beats_present: beats of the window with presence or reading, live or not
  beats_hosted: live beats of the window in which the member hosted
  ties: distinct people with whom the member was in touch in the window, see levels.reach
  helped: distinct others whom the member helped in the window, see levels.reach
  ties_seen: whether ties are visible in the window; where they are not, no level asks for them
  help_seen: the same of help
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
  explicit: whether the member is declared, by a join that no later leave undid
  tenure_days: days since the first contribution, or else since joining, or else since first seen
  newcomer: whether the tenure is shorter than a newcomer's
  returning: whether the member contributed in the window after at least a whole window without
  facilitator: whether the member is a facilitator by a role at that time, or hosted enough meetings in the window
  sponsor_staff: whether the member is sponsor or staff by a role at that time
  weeks_silent: weeks since the last sign of the member; absent where the window holds one
*/
with judged as (
    select
        counts.*,
        weeks_silent > memory_weeks as lapsed,
        weeks_silent <= memory_windows * window_weeks as lately,
        beats_alive >= level_beats as has_levels,
        has_levels and not has_left and not is_silent as counts_now,
        began_at is null or began_at > newcomer_from as has_short_tenure,
        has_short_tenure and not may_be_veteran as newcomer,
        not ties_seen or ties >= bar_core_people as tied_for_core,
        not ties_seen or ties >= bar_stay_core_people as tied_to_stay_core,
        not ties_seen or ties >= bar_active_ties as tied_for_active,
        not ties_seen or ties >= bar_stay_active_ties as tied_to_stay_active,
        not help_seen or helped >= bar_core_people or beats_hosted >= bar_core_hosted as helps_for_core,
        not help_seen or helped >= bar_stay_core_people or beats_hosted >= bar_core_hosted as helps_to_stay,
        beats_come >= peripheral_beats
            or (beats_come > 0 and coalesce(came_before >= week - year_weeks, false)) as comes_again,
        beats_contributed >= occasional_beats
            or (beats_contributed > 0 and coalesce(contributed_before >= week - year_weeks, false)) as contributes_again
    from levels.counts
    join core.parameters using (community)
)
select
    person,
    turn,
    week,
    memory_weeks,
    held,
    lapsed,
    lately,
    explicit or comes_again as comes_back,
    case
        when contributions > 0 and (contributes_again or explicit) then if(beats_active >= bar_active_beats, 'regular', 'plain')
        when has_short_tenure then 'new'
        when explicit then 'declared'
        when comes_again then 'again'
        when beats_come > 0 then 'once'
        else 'nothing'
    end as because,
    community,
    window_end,
    member,
    case
        when has_left then 'gone'
        when lapsed then 'silent'
        when not has_levels then 'insufficient'
        when is_silent then 'silent'
        when beats_active >= bar_core_beats and tied_for_core and helps_for_core and not has_short_tenure then 'core'
        when beats_active >= bar_active_beats and tied_for_active then 'active'
        when contributions > 0 and (contributes_again or explicit) then 'occasional'
        when has_short_tenure or explicit or comes_again then 'peripheral'
        else 'transactional'
    end as target,
    counts_now and beats_active >= bar_stay_core_beats and tied_to_stay_core and helps_to_stay as stay_core,
    counts_now and beats_active >= bar_stay_active_beats and tied_to_stay_active as stay_active,
    contributions,
    beats_active,
    beats_alive,
    beats_contributed,
    beats_present,
    beats_hosted,
    ties,
    helped,
    ties_seen,
    help_seen,
    bar_core_beats,
    bar_core_people,
    bar_core_hosted,
    bar_active_beats,
    bar_active_ties,
    bar_stay_core_beats,
    bar_stay_core_people,
    bar_stay_active_beats,
    bar_stay_active_ties,
    bar_met,
    bar_missed,
    explicit,
    cast(date_diff('second', began_at, window_end) // 86400 as integer) as tenure_days,
    newcomer,
    coalesce(contributed_first - contributed_before - 1 >= window_weeks, false) as "returning",
    facilitator,
    sponsor_staff,
    if(lapsed or is_silent, weeks_silent, null) as weeks_silent
from judged
