/*
summary: For each Monday, the shortest beat that fits the community's last year. core.tempo decides from it whether the beat changes.
grain: [community, week]
materialized: view
reads: [core.parameters, core.weeks, landing.communities]
columns:
  community: the community
  week: number of the Monday
  first_week: the week of the community's first sign
  charter_beat_days: the beat that the charter promises; absent where it names none
  first_beat_days: the beat to start with, from the charter, or else 7 days
  candidate_days: the shortest beat of which enough were live in the last year, or since the archive began; absent where there is none
  candidate_lives: whether the candidate's latest beat was alive, or lies in an announced break
  candidate_alive_beats: live beats of the candidate in the last year
*/
with tried as (
    select
        weeks.*,
        parameters.beat_alive_share,
        sum(alive::integer) over last_year as alive_beats,
        sum(counted::integer) over last_year as counted_beats
    from core.weeks
    join core.parameters using (community)
    window last_year as (
        -- Beats of one length that end a whole number of beats apart are those of one evaluation.
        partition by weeks.community, beat_weeks, weeks.week % beat_weeks
        order by weeks.week
        range between (parameters.year_weeks // beat_weeks - 1) * beat_weeks preceding and current row
    )
), candidates as (
    select
        community,
        week,
        arg_min(
            struct_pack(days := beat_weeks * 7, lives := alive or in_break, alive_beats := alive_beats), beat_weeks
        ) as candidate
    from tried
    where alive_beats > 0 and alive_beats >= beat_alive_share * counted_beats
    group by all
)
select
    weeks.community,
    weeks.week,
    weeks.first_week,
    communities.charter_beat_days,
    coalesce(communities.charter_beat_days, 7) as first_beat_days,
    candidate.days as candidate_days,
    coalesce(candidate.lives, false) as candidate_lives,
    cast(coalesce(candidate.alive_beats, 0) as integer) as candidate_alive_beats
from core.weeks
left join landing.communities using (community)
left join candidates using (community, week)
where weeks.beat_weeks = 1
