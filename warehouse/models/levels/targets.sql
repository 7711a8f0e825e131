/*
summary: What the rules say of every member at every evaluation, before confirmation. levels.evaluations makes levels of it.
grain: [community, window_end, member]
reads: [core.beats, core.first_seen, core.interactions, core.member_weeks, core.windows, landing.roles, levels.reach]
materialized: view
columns:
  person: number of the member within a build
  turn: number of the evaluation within its community, from 1
  week: number of the evaluation's Monday
  lookback: weeks for which a sign of a member is remembered
  held: whether an announced break keeps everybody's level
  lapsed: whether the last sign is older than lookback
  gone: whether the member left and gave no sign since
  long_beat: whether the beat is 28 days or longer
  community: the community
  window_end: the evaluation, a Monday 00:00 UTC, exclusive
  member: the member
  target: a level, or silent (nothing in the window), or gone (left)
  stay_core: whether the lower bars to stay in core hold
  stay_active: whether the lower bars to stay active hold
  contributions: contributions in the window that stand
  beats_active: live beats of the window in which the member contributed or attended
  beats_alive: live beats of the window, announced breaks left out
  beats_contributed: beats of the window in which the member contributed, live or not
  beats_present: beats of the window with presence or reading, live or not
  beats_hosted: live beats of the window in which the member hosted
  ties: distinct people with whom there were acts in both directions in the window
  helped: distinct others whom the member answered or whose page the member improved in the window
  bar: ties, and people helped, that core asks for in a community of this size
  bar_active: ties that active asks for
  explicit: declared member, by a join that no later leave undid
  tenure_days: days since the first contribution, or else since joining, or else since first seen
  newcomer: tenure shorter than a window; a newcomer cannot be core
  returning: contributed in the window after at least a whole window without
  facilitator: facilitator by a role at that time, or hosted at least two meetings in the window
  sponsor_staff: sponsor or staff by a role at that time; reported separately
  weeks_silent: weeks since the last sign of the member; absent where the window holds one
*/
with params as (
    select
        3 as fewest_beats,
        52 as year_weeks,
        28 as newcomer_days,
        2 as facilitated,
        -1000000 as never,
        1000000 as forever,
        2 as lowest_bar,
        5 as highest_bar
), calendar as materialized (
    select
        windows.*,
        greatest(year_weeks, 2 * window_weeks) as lookback,
        row_number() over story as turn,
        -- an evaluation of a community as one number, so that no join pairs all members with all evaluations
        cast(row_number() over (order by community, window_end) as integer) as evaluation,
        lag(week) over story as week_before,
        lag(greatest(year_weeks, 2 * window_weeks)) over story as lookback_before,
        least(highest_bar, greatest(lowest_bar, (contributors + 2) // 4)) as bar
    from core.windows
    cross join params
    window story as (partition by community order by window_end)
), evaluated as materialized (
    select
        calendar.community,
        calendar.evaluation,
        any_value(calendar.turn) as turn,
        any_value(calendar.window_end) as window_end,
        any_value(calendar.week) as week,
        any_value(calendar.window_weeks) as window_weeks,
        any_value(calendar.beat_days) as beat_days,
        any_value(calendar.n_beats) as n_beats,
        any_value(calendar.lookback) as lookback,
        any_value(calendar.contributors) as contributors,
        any_value(calendar.bar) as bar,
        cast(count(*) filter (beats.alive) as integer) as beats_alive,
        bit_or(if(beats.alive, cast(1 << beats.beat as bigint), 0)) as live,
        -- an announced break holds everybody where they are, while it lasts and while it takes more than half of the window
        bool_or(in_break and beats.beat = 0) or 2 * count(*) filter (in_break) > any_value(calendar.n_beats) as held
    from calendar
    join (
        select beats.*, not counted and from_week >= windows.week - windows.archive_weeks as in_break
        from core.beats
        join core.windows using (community, window_end)
    ) as beats using (community, window_end)
    group by all
), seats as (
    -- the weeks that an evaluation sees; a beat is a bit
    select
        community,
        evaluation,
        cast(unnest(range(beats.from_week, beats.to_week)) as integer) as week,
        cast(1 << beats.beat as bigint) as beat
    from core.beats
    join calendar using (community, window_end)
), people as materialized (
    select community, member, cast(row_number() over () as integer) as person
    from (select distinct community, member from core.member_weeks)
), facts as materialized (
    select
        people.person,
        member_weeks.community,
        member_weeks.week,
        cast(member_weeks.contributions as integer) as contributions,
        cast(member_weeks.hosted as integer) as hosted,
        cast(member_weeks.joins as integer) as joins,
        -- what somebody did, at the bottom of four fields of 16 bits: active, contributed, present, hosting; times a beat's bit,
        -- one `or` over the window gives the beats of each
        (cast(member_weeks.contributions > 0 or attendances > 0 as bigint) << 0)
        + (cast(member_weeks.contributions > 0 as bigint) << 16)
        + (cast(attendances + other_presence + consumption > 0 as bigint) << 32)
        + (cast(member_weeks.hosted > 0 as bigint) << 48) as actions,
        -- a week of nothing but a leave is seen, and is no event of the window; one of nothing but undone edits is an event
        case
            when member_weeks.contributions + attendances + hosted + other_presence + consumption + joins > 0 or leaves = 0
                then member_weeks.week
        end as event_week,
        case when member_weeks.contributions > 0 then member_weeks.week end as contributed_week,
        case
            when member_weeks.contributions > 0
                then coalesce(max(case when member_weeks.contributions > 0 then member_weeks.week end) over earlier, never)
        end as contributed_before,
        lead(member_weeks.week) over story as next_week
    from core.member_weeks
    cross join params
    join people using (community, member)
    window
        story as (partition by people.person order by member_weeks.week),
        earlier as (story rows between unbounded preceding and 1 preceding)
), within as (
    select
        facts.person,
        seats.evaluation,
        max(facts.week) as last_week,
        max(facts.event_week) as last_event,
        cast(sum(facts.contributions) as integer) as contributions,
        bit_or(facts.actions * seats.beat) as beats,
        sum(facts.hosted) as hosted,
        sum(facts.joins) as joins,
        min(facts.contributed_week) as contributed_first,
        min(facts.contributed_before) as contributed_before
    from facts
    join seats using (community, week)
    group by all
), memberships as materialized (
    -- joined or left, from the evaluation after it happened until the one that sees the next word
    select
        people.person,
        week,
        joined,
        coalesce(lead(week) over (partition by people.person order by week), forever) as until
    from (
        select community, member, week, arg_max(verb, (occurred_at, event_id)) = 'join' as joined
        from core.interactions
        where is_membership(verb) and actor_kind = 'human'
        group by all
    )
    cross join params
    join people using (community, member)
), spans as (
    select
        community,
        min(window_weeks) as shortest,
        max(lookback) + coalesce(max(week - week_before), 0) as longest,
        max(week) as last_week
    from calendar
    group by all
), quiet as (
    -- the weeks in which an evaluation may find somebody silent: after a window without anything, until the next sign
    select
        facts.person,
        facts.community,
        facts.week as last_week,
        unnest(range(
            facts.week + spans.shortest + 1,
            least(facts.next_week, spans.last_week, if(declared.person is null, facts.week + spans.longest, null)) + 1
        )) as week
    from facts
    join spans using (community)
    left join (select distinct person from memberships where joined) as declared using (person)
    where facts.next_week is null or facts.next_week - facts.week > spans.shortest
), silent as (
    select quiet.person, calendar.evaluation, quiet.last_week
    from quiet
    join calendar on calendar.community = quiet.community and calendar.week = quiet.week
    left join memberships
        on memberships.person = quiet.person
        and memberships.week < quiet.week
        and memberships.until >= quiet.week
    where quiet.week > quiet.last_week + calendar.window_weeks
        and (
            quiet.week - quiet.last_week <= calendar.lookback
            or (calendar.week_before > quiet.last_week and calendar.week_before - quiet.last_week <= calendar.lookback_before)
            or memberships.joined
        )
), seen as (
    from within
    union all by name
    from silent
), since as (
    select
        people.person,
        first_seen.first_at,
        first_seen.joined_at,
        least(first_seen.first_at, first_seen.joined_at, first_seen.first_event_at) as first_event_at
    from core.first_seen
    join people using (community, member)
), roled as (
    select
        people.person,
        calendar.evaluation,
        bool_or(roles.role = 'facilitator') as facilitator,
        bool_or(roles.role in ('sponsor', 'staff')) as sponsor_staff
    from landing.roles
    semi join building using (community)
    join people using (community, member)
    join calendar
        on calendar.community = roles.community
        and (roles.valid_from is null or roles.valid_from < calendar.window_end)
        and (roles.valid_to is null or roles.valid_to >= calendar.window_end)
    group by all
), reach as (
    select spells.person, calendar.evaluation, spells.ties, spells.helped
    from (
        select
            people.person,
            reach.community,
            reach.window_weeks,
            reach.ties,
            reach.helped,
            unnest(range(reach.from_week, reach.to_week)) as week
        from levels.reach
        join people using (community, member)
        where reach.ties > 0 or reach.helped > 0
    ) as spells
    join calendar using (community, window_weeks, week)
), drawn as (
    select
        seen.person,
        people.community,
        people.member,
        seen.last_week,
        seen.last_event,
        seen.contributed_first,
        coalesce(seen.contributed_before, never) as contributed_before,
        evaluated.* exclude (community, live),
        greatest(0, least(2, evaluated.contributors - 1)) as bar_active,
        coalesce(seen.contributions, 0) as contributions,
        cast(bit_count(coalesce(seen.beats, 0) & evaluated.live) as integer) as beats_active,
        cast(bit_count((coalesce(seen.beats, 0) >> 16) & 65535) as integer) as beats_contributed,
        cast(bit_count((coalesce(seen.beats, 0) >> 32) & 65535) as integer) as beats_present,
        cast(bit_count((coalesce(seen.beats, 0) >> 48) & evaluated.live) as integer) as beats_hosted,
        coalesce(seen.hosted, 0) as hosted,
        coalesce(seen.joins, 0) as joins
    from seen
    cross join params
    join people using (person)
    join evaluated using (evaluation)
), gathered as (
    select
        drawn.*,
        if(drawn.last_event is null, 0, coalesce(reach.ties, 0)) as ties,
        if(drawn.last_event is null, 0, coalesce(reach.helped, 0)) as helped,
        coalesce(memberships.joined, false) as explicit,
        not memberships.joined and coalesce(drawn.last_event, drawn.last_week) <= memberships.week as departing,
        coalesce(
            case when since.first_at < drawn.window_end then since.first_at end,
            case when since.joined_at < drawn.window_end then since.joined_at end,
            since.first_event_at
        ) as since_at,
        coalesce(roled.facilitator, false) or drawn.hosted >= facilitated as facilitator,
        coalesce(roled.sponsor_staff, false) as sponsor_staff
    from drawn
    cross join params
    left join reach on reach.person = drawn.person and reach.evaluation = drawn.evaluation
    left join memberships
        on memberships.person = drawn.person
        and memberships.week < drawn.week
        and memberships.until >= drawn.week
    left join since on since.person = drawn.person
    left join roled on roled.person = drawn.person and roled.evaluation = drawn.evaluation
), judged as (
    select
        gathered.*,
        cast(date_diff('second', since_at, window_end) // 86400 as integer) as tenure_days,
        since_at is null or since_at > window_end - to_days(greatest(7 * window_weeks, newcomer_days)) as newcomer,
        coalesce(contributed_first - contributed_before - 1 >= window_weeks and contributed_before > never, false) as "returning",
        -- the level does not count: gone by their own word, or nothing seen
        coalesce(departing, false) as gone,
        week - last_week > lookback as lapsed,
        last_event is null as nothing,
        beats_alive >= fewest_beats as enough,
        helped >= bar or (beats_hosted > 0 and 3 * beats_hosted >= beats_alive) as helps_enough,
        5 * helped >= 3 * bar or (beats_hosted > 0 and 3 * beats_hosted >= beats_alive) as helps_still,
        beats_contributed >= 2 or (beats_contributed = 1 and contributed_before >= week - year_weeks) as again
    from gathered
    cross join params
)
select
    person,
    turn,
    week,
    lookback,
    held,
    lapsed,
    gone,
    beat_days >= 28 as long_beat,
    community,
    window_end,
    member,
    case
        when gone then 'gone'
        when lapsed then 'silent'
        when not enough then 'insufficient'
        when nothing then 'silent'
        when 3 * beats_active >= 2 * beats_alive and ties >= bar and helps_enough and not newcomer then 'core'
        when 3 * beats_active >= beats_alive and ties >= bar_active then 'active'
        when contributions > 0 and (again or explicit) then 'occasional'
        when contributions = 0 and (
            (beats_present >= 2 and 6 * beats_present >= n_beats)
            or (explicit and (beats_present >= 1 or joins > 0))
        ) then 'peripheral'
        else 'transactional'
    end as target,
    enough and not gone and not nothing and 2 * beats_active >= beats_alive and 5 * ties >= 3 * bar and helps_still as stay_core,
    enough and not gone and not nothing and 4 * beats_active >= beats_alive and ties >= 1 as stay_active,
    contributions,
    beats_active,
    beats_alive,
    beats_contributed,
    beats_present,
    beats_hosted,
    cast(ties as integer) as ties,
    cast(helped as integer) as helped,
    cast(bar as integer) as bar,
    cast(bar_active as integer) as bar_active,
    explicit,
    tenure_days,
    newcomer,
    "returning",
    facilitator,
    sponsor_staff,
    case when lapsed or nothing then week - last_week end as weeks_silent
from judged
