/*
id: N4
title: Newcomers who stay
chapter: newcomers
version: 3
summary: Of the people who first contributed 60 to 150 days ago, the share who contributed again in days 31 to 60. Where they are too few, of those of a whole year.
grain: [community, window_end]
unit: share of newcomers
direction: higher is better
needs: [contributions]
minimum: 20 newcomers
reads: [core.first_seen, core.interactions, core.parameters, core.windows, landing.breaks]
reference: "Wikimedia Research, Surviving New Editor; Panciera et al. 2009: first-day behaviour already differs."
reading: Low values are usual. Compare cohorts of one community, never communities.
sentences:
  up: More newcomers come back
  down: Newcomers do not come back
  phrase: "{value} newcomers contributed again after a month"
  ask: "What do newcomers find after their first visit?"
  absent: "Nobody's first contribution was 60 to 150 days ago."
measure: {value: newcomer_survival_share, kind: share, numerator: survived, denominator: cohort, low: newcomer_survival_low, high: newcomer_survival_high, weeks: cohort_weeks, counts: people}
columns:
  community: the community
  window_end: the evaluation, a Monday 00:00 UTC, exclusive
  cohort_weeks: weeks in which the cohort first contributed, 13, or 52 where 13 hold fewer than 20 people and 52 hold 20
  cohort: people whose first contribution lies 60 to 150 days before the evaluation, or up to a year longer, so that their second month is over, and no announced break took more than half of it
  returned: those who contributed on a later day within 28 days
  survived: those who contributed in days 31 to 60
  returned_share: returned ÷ cohort
  newcomer_survival_share: survived ÷ cohort; not measured without newcomers
  newcomer_survival_low: lower end of Wilson's 95 % interval
  newcomer_survival_high: upper end of Wilson's 95 % interval
caveats:
  - People who may be veterans, because they are first seen in the first 52 weeks of the archive and no join is known, are not in it.
  - Somebody who got what they came for and left is no failure.
*/
with params as (
    select
        interval 28 day as soon,
        interval 30 day as second_month,
        interval 60 day as second_month_over,
        interval 15 day as half_of_it,
        13 as cohort_weeks,
        interval 150 day as oldest
), newcomers as (
    select
        first_seen.community,
        first_seen.member,
        first_seen.first_at,
        coalesce(bool_or(
            later.occurred_at::date > first_seen.first_at::date and later.occurred_at < first_seen.first_at + soon
        ), false) as returned,
        coalesce(bool_or(later.occurred_at >= first_seen.first_at + second_month), false) as survived
    from core.first_seen
    cross join params
    left join core.interactions as later
        on later.community = first_seen.community
        and later.member = first_seen.member
        and later.is_contribution
        and not later.reverted
        and later.occurred_at < first_seen.first_at + second_month_over
    anti join landing.breaks
        on breaks.community = first_seen.community
        and least(breaks.ends_at, first_seen.first_at + second_month_over)
            > greatest(breaks.starts_at, first_seen.first_at + second_month) + half_of_it
    where first_seen.actor_kind = 'human' and first_seen.first_at is not null and not first_seen.may_be_veteran
    group by all
), cohorts as (
    select community, window_end, params.cohort_weeks, window_end - oldest as since, window_end - second_month_over as until
    from core.windows
    cross join params
    union all
    select community, window_end, year_weeks, window_end - second_month_over - to_weeks(year_weeks), window_end - second_month_over
    from core.windows
    join core.parameters using (community)
    cross join params
), counted as (
    select
        cohorts.community,
        cohorts.window_end,
        cohorts.cohort_weeks,
        count(newcomers.member) as cohort,
        count(*) filter (returned) as returned,
        count(*) filter (survived) as survived
    from cohorts
    left join newcomers
        on newcomers.community = cohorts.community
        and newcomers.first_at >= cohorts.since
        and newcomers.first_at <= cohorts.until
    group by all
), chosen as (
    -- The shorter cohort, unless it is too small and the longer one is not.
    select counted.*
    from counted
    join core.parameters using (community)
    qualify row_number() over (
        partition by community, window_end order by cohort < newcomers_least, cohort_weeks
    ) = 1
)
select
    community,
    window_end,
    cohort_weeks,
    cohort,
    returned,
    survived,
    returned / nullif(cohort, 0) as returned_share,
    survived / nullif(cohort, 0) as newcomer_survival_share,
    wilson_low(survived, cohort) as newcomer_survival_low,
    wilson_high(survived, cohort) as newcomer_survival_high
from chosen
