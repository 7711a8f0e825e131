/*
summary: Every metric's value as a sponsor may see it. What may not be shown is withheld here, in one step, with the reason.
grain: [community, window_end, metric, part]
source: [scorecard.estimates]
columns:
  community: the community
  window_end: the evaluation, a Monday 00:00 UTC, exclusive
  metric: the metric's id in the catalogue
  version: version of the metric's definition
  part: level or series, for a metric that has several values an evaluation; else empty
  value: the value as it may be shown; absent where withheld or not measured
  low: lower end of the 95 % interval, as it may be shown
  high: upper end of the 95 % interval, as it may be shown
  denominator: how many the value rests on; people rounded to five
  word: a word that stands for the value, where the metric has one and the community has eight contributors
  kind: share, people, count, hours, days, ratio, index or distribution
  counts: what the denominator counts
  withheld: why there is no value, or nothing
  rounding: how the value was rounded, or nothing
checks:
  - name: no_small_group
    says: No count of people below five is shown.
    sql: select community from {table} where kind in ('people', 'distribution') and counts = 'people' and value < 5
  - name: no_share_of_few
    says: No share of fewer than twenty people, threads or pairs is shown.
    sql: select community from {table} where kind in ('share', 'index') and counts in ('people', 'threads', 'pairs') and value is not null and denominator < 20
*/
with params as (
    select
        5 as fewest_people,
        20 as fewest_in_a_share,
        100 as exact_from,
        8 as smallest_community,
        15 as small_community,
        30 as network_community
), cells as (
    -- Of a distribution, the smallest cells are hidden until they hide one another: what is left over must hold five or more.
    select
        estimates.*,
        case when kind = 'distribution' then
            bool_or(value < fewest_people) over (partition by community, window_end, metric)
            and coalesce(sum(value) over smaller_cells, 0) < fewest_people
        end as hides_others,
        case when kind = 'distribution' then
            count(*) filter (value > 0) over (partition by community, window_end, metric) = 1
        end as all_alike
    from scorecard.estimates
    cross join params
    window smaller_cells as (
        partition by community, window_end, metric order by value, part rows between unbounded preceding and 1 preceding
    )
), judged as (
    select
        cells.*,
        counts in ('people', 'threads', 'pairs') as of_people,
        case
            when contributors < smallest_community and not always then 'fewer than 8 contributors'
            when value is null then 'not measured'
            when network and contributors < network_community then 'ties are shown from 30 contributors on'
            when kind in ('share', 'index', 'distribution', 'ratio') and counts = 'people' and contributors < small_community
                then 'fewer than 15 contributors'
            when kind in ('share', 'index', 'ratio') and counts in ('people', 'threads', 'pairs')
                and coalesce(denominator, 0) < fewest_in_a_share then 'rests on fewer than 20'
            when smallest > 0 and coalesce(denominator, 0) < smallest then 'rests on too few'
            when kind in ('people', 'distribution') and counts = 'people' and value < fewest_people then 'fewer than 5'
            when kind = 'distribution' and all_alike then 'all alike'
            when kind = 'distribution' and hides_others then 'hidden so that smaller groups stay hidden'
        end as withheld
    from cells
    cross join params
), rounded as (
    select
        judged.*,
        case
            when kind in ('people', 'distribution') and counts = 'people' then 5.0
            when kind in ('share', 'index', 'ratio') and of_people and (
                denominator < exact_from
                or (counts = 'people' and (numerator < fewest_people or denominator - numerator < fewest_people))
            ) then 0.05
        end as step
    from judged
    cross join params
)
select
    community,
    window_end,
    metric,
    version,
    part,
    if(withheld is null, coalesce(round(value / step) * step, value), null) as value,
    if(withheld is null, coalesce(floor(low / step + 1e-9) * step, low), null) as low,
    if(withheld is null, coalesce(ceil(high / step - 1e-9) * step, high), null) as high,
    if(withheld is null, cast(if(counts = 'people', round(denominator / 5.0) * 5, denominator) as bigint), null) as denominator,
    if(contributors >= smallest_community, word, null) as word,
    kind,
    counts,
    withheld,
    case
        when withheld is not null or step is null then null
        when step = 5.0 then 'to five people'
        else 'to 5 %'
    end as rounding
from rounded
cross join params
