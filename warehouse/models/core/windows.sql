/*
summary: The spine that every metric joins. One row for each evaluation of each community, with its window, its beat and how many people took part.
grain: [community, window_end]
reads: [core.beats, core.member_weeks, core.parameters, core.tempo]
columns:
  community: the community
  window_end: the evaluation, a Monday 00:00 UTC, exclusive
  window_start: begin of the window, a Monday 00:00 UTC, inclusive
  week: the evaluation's Monday; the window is the weeks from week − window_weeks up to it, exclusive
  beat_days: length of the community's beat, 7, 14, 28, 56 or 91
  beat_weeks: the same in weeks
  n_beats: beats in the window, 12, 8, 6, 6 or 4
  window_weeks: weeks in the window
  alive_beats: beats of the window that count, with three people or more
  counted_beats: beats of the window that count; those before the archive begins and those mostly inside an announced break do not
  contributors: distinct people with contributions that stand in the window
  previous_contributors: the same for the window before
  participants: distinct people who contributed or attended in the window
  ties_seen: whether ties can be seen, of core.parameters.seen_share of the participants; large meetings that show only attendance tell of none
  help_seen: the same of help, which is visible in chat and on wikis
  archive_weeks: weeks between the community's first sign and the evaluation
  has_history: whether the window begins 52 weeks or more after the community's first sign, so that it can be known who is new in it
  closed: whether the seven days of grace for late events are over
checks:
  - name: mondays
    rule: Every evaluation is a Monday 00:00 UTC.
    sql: select community from {table} where isodow(window_end) <> 1 or window_end <> date_trunc('day', window_end)
  - name: beats
    rule: No more beats are alive than count, and no more count than there are.
    sql: select community from {table} where alive_beats > counted_beats or counted_beats > n_beats
*/
with params as (
    select interval 7 day as grace
), lived as (
    select
        community,
        evaluated_week as week,
        count(*) filter (alive) as alive_beats,
        count(*) filter (counted) as counted_beats
    from core.beats
    group by all
), used as (
    -- Only the lengths of window that a community ever has.
    select distinct tempo.community, beat_lengths.window_weeks
    from core.tempo
    join beat_lengths using (beat_days)
), shows as (
    select community, kind, week, lead(week) over (partition by community, kind, member order by week) as next_week
    from (
        select community, member, week, unnest([
            if(contributions > 0, 'contributor', null),
            if(contributions > 0 or attendances > 0, 'participant', null),
            if(contributions > 0 or small_meetings > 0, 'tied', null),
            if(written > 0, 'helper', null)
        ]) as kind
        from core.member_weeks
    )
    where kind is not null
), steps as (
    -- As in core.weeks: the intervals of one person do not overlap, so the running sum counts people.
    select community, window_weeks, kind, week + 1 as week, 1 as change
    from shows
    join used using (community)
    union all
    select community, window_weeks, kind, least(coalesce(next_week, week + window_weeks), week + window_weeks) + 1, -1
    from shows
    join used using (community)
), changes as (
    select
        community,
        window_weeks,
        week,
        sum(change) filter (kind = 'contributor') as contributors,
        sum(change) filter (kind = 'participant') as participants,
        sum(change) filter (kind = 'tied') as tied,
        sum(change) filter (kind = 'helper') as helpers
    from steps
    group by all
), counted as (
    select
        tempo.community,
        used.window_weeks,
        tempo.week,
        cast(coalesce(sum(changes.contributors) over so_far, 0) as bigint) as contributors,
        cast(coalesce(sum(changes.participants) over so_far, 0) as bigint) as participants,
        coalesce(sum(changes.tied) over so_far, 0) as tied,
        coalesce(sum(changes.helpers) over so_far, 0) as helpers
    from core.tempo
    join used using (community)
    left join changes
        on changes.community = tempo.community
        and changes.window_weeks = used.window_weeks
        and changes.week = tempo.week
    window so_far as (partition by tempo.community, used.window_weeks order by tempo.week rows unbounded preceding)
)
select
    tempo.community,
    monday(tempo.week) as window_end,
    monday(tempo.week - beat_lengths.window_weeks) as window_start,
    tempo.week,
    tempo.beat_days,
    beat_lengths.beat_weeks,
    beat_lengths.n_beats,
    beat_lengths.window_weeks,
    lived.alive_beats,
    lived.counted_beats,
    counted.contributors,
    coalesce(previous.contributors, 0) as previous_contributors,
    counted.participants,
    counted.tied >= parameters.seen_share * counted.participants as ties_seen,
    counted.helpers >= parameters.seen_share * counted.participants as help_seen,
    tempo.week - tempo.first_week as archive_weeks,
    tempo.week - beat_lengths.window_weeks - tempo.first_week >= parameters.year_weeks as has_history,
    building.as_of >= monday(tempo.week) + params.grace as closed
from core.tempo
join building using (community)
join core.parameters using (community)
cross join params
join beat_lengths using (beat_days)
join lived using (community, week)
join counted using (community, window_weeks, week)
left join counted as previous
    on previous.community = tempo.community
    and previous.window_weeks = beat_lengths.window_weeks
    and previous.week = tempo.week - beat_lengths.window_weeks
where tempo.evaluated
