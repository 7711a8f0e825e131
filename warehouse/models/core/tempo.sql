/*
summary: Each community's beat on every Monday. It starts from the charter, else with 7 days, and changes only when four evaluations in a row agree on the same other one.
grain: [community, week]
reads: [core.weeks, landing.communities]
step: keep_beat
columns:
  community: the community
  week: number of the Monday
  first_week: the week of the community's first sign
  first_beat_days: the beat it starts with
  candidate_days: the shortest beat of which 80 % were alive in the last year, or in the time the archive has lived; absent where none is
  candidate_lives: whether the candidate's latest beat was alive
  beat_days: its beat
  agreeing: evaluations in a row, up to this one, that agree on another beat
  evaluated: whether there is an evaluation on this Monday; every Monday, or, for a beat of 28 days or more, the Monday that ends one
caveats:
  - A longer beat needs a latest beat that is alive, so that silence does not look like a slow rhythm.
  - Beats of 28 days or more end on Mondays whose number their length divides, whatever the moment of the build.
*/
with params as (
    select 0.8 as share_alive, 52 as year
), tried as (
    select
        weeks.*,
        sum(alive::integer) over last_year as alive_beats,
        sum(counted::integer) over last_year as counted_beats
    from core.weeks
    cross join params
    window last_year as (
        -- Beats of one length that end a whole number of beats apart are those of one evaluation.
        partition by weeks.community, beat_weeks, weeks.week % beat_weeks
        order by weeks.week
        range between (params.year // beat_weeks - 1) * beat_weeks preceding and current row
    )
), candidates as (
    select
        community,
        week,
        arg_min(struct_pack(days := beat_weeks * 7, lives := alive or in_break), beat_weeks) as candidate
    from tried
    cross join params
    where alive_beats > 0 and alive_beats >= share_alive * counted_beats
    group by all
)
select
    weeks.community,
    weeks.week,
    weeks.first_week,
    coalesce(communities.charter_beat_days, 7) as first_beat_days,
    candidate.days as candidate_days,
    coalesce(candidate.lives, false) as candidate_lives
from core.weeks
left join landing.communities using (community)
left join candidates using (community, week)
where weeks.beat_weeks = 1
