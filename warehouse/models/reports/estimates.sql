/*
summary: Every metric's value as a sponsor may see it. What may not be shown is withheld here, in one step, with the reason.
grain: [community, window_end, metric, part]
reads: [scorecard.estimates]
columns:
  community: the community
  window_end: the evaluation, a Monday 00:00 UTC, exclusive
  metric: the metric's id in the catalogue
  version: version of the metric's definition
  part: level or series, for a metric that has several values an evaluation; else empty
  value: the value as it may be shown, a number of people, threads or pairs as the lower end of its group of five; absent where withheld or not measured
  low: lower end of the 95 % interval, widened by the rounding
  high: upper end of the 95 % interval, widened by the rounding
  denominator: how many the value rests on; people, threads and pairs as the lower end of their group of five
  bound: under or over, where the value is only known to be so, because fewer than five are on the other side; else nothing
  word: a word that stands for the value, where the metric has one and the community has eight contributors
  kind: kind of measure, share, people, count, hours, days, ratio, index or distribution
  rule: how small groups are withheld, count, cells, share, ratio, index or measurement
  counts: what the denominator counts, people, threads, pairs, events, beats, meetings or sources
  grouped: whether what is counted could point at somebody, as people, threads and pairs do
  withheld: why there is no value, or nothing
  step: distance between two values that can be shown, or nothing
  rounding: the same in words, or nothing
checks:
  - name: no_small_group
    says: No count of people, threads or pairs below five is shown.
    sql: select community from {table} where rule in ('count', 'cells') and grouped and value < 5
  - name: no_share_of_few
    says: No share of fewer than twenty people, threads or pairs is shown.
    sql: select community from {table} where rule in ('share', 'ratio', 'index') and grouped and value is not null and denominator < 20
  - name: groups_of_five
    says: Counts of people, threads and pairs are multiples of five.
    sql: select community from {table} where grouped and ((rule in ('count', 'cells') and value % 5 <> 0) or denominator % 5 <> 0)
*/
-- What is shown follows from groups of five (0-4, 5-9, ...), whose limits are the limits of the rules (15, 20, 30): so whoever knows the
-- rules, and every other number, and the weeks around, is still left with five neighbouring numbers for each count of people. That is
-- also what stops differencing; to withhold small differences as such would say that they are small. tests/warehouse/test_withholding.py
-- attacks all of it.
with params as (
    select
        5 as fewest_people,
        20 as fewest_in_a_share,
        100 as fine_from,
        8 as smallest_community,
        15 as small_community,
        30 as network_community
), placed as (
    select
        estimates.*,
        case when rule = 'cells' then
            row_number() over (partition by community, window_end, metric order by part desc)
        end as from_last
    from scorecard.estimates
), cells as (
    select
        placed.*,
        count(*) filter (from_last > 1 and value < fewest_people) over cells_of_one as few_before_last,
        count(*) filter (from_last = 1 and value < fewest_people) over cells_of_one as few_in_last,
        count(*) filter (value > 0) over cells_of_one = 1 as all_alike,
        -- Members are the core, the active and the occasional: their share tells of each of the three.
        metric = 'P3' and count(*) filter (
            metric = 'P2' and part in ('core', 'active', 'occasional') and value < fewest_people
        ) over (partition by community, window_end) > 0 as tells_of_few
    from placed
    cross join params
    window cells_of_one as (partition by community, window_end, metric)
), judged as (
    select
        cells.*,
        rule = 'share' and grouped and counts <> 'people' as of_threads,
        case
            when contributors < smallest_community and not always then 'fewer than 8 contributors'
            when value is null then 'not measured'
            when network and contributors < network_community then 'ties are shown from 30 contributors on'
            when rule in ('share', 'index', 'cells', 'ratio') and grouped and contributors < small_community
                then 'fewer than 15 contributors'
            -- before the next: that members are twenty would tell too
            when tells_of_few then 'a group in it has fewer than 5, or would tell of one'
            when rule in ('share', 'index', 'ratio') and grouped
                and coalesce(denominator, 0) < fewest_in_a_share then 'rests on fewer than 20'
            when smallest > 0 and coalesce(denominator, 0) < smallest then printf('rests on fewer than %d', smallest)
            when rule = 'count' and grouped and value < fewest_people then 'fewer than 5'
            -- The last cell hides with any other that must; where it alone must, the one before it hides too. So among those that
            -- are hidden there is always one of which nothing is known, and no total tells what the others are. Which one it is does
            -- not follow from the numbers, and the reason is the same for all.
            when rule = 'cells' and (
                all_alike
                or value < fewest_people
                or (from_last = 1 and few_before_last > 0)
                or (from_last = 2 and few_before_last = 0 and few_in_last > 0)
            ) then 'fewer than 5, or hidden so that such a group stays hidden'
        end as withheld
    from cells
    cross join params
), stepped as (
    select
        judged.*,
        cast(case
            when rule in ('count', 'cells') and grouped then 5.0
            -- A step of a share of people is never fewer than five of them.
            when rule in ('share', 'ratio') and counts = 'people' then
                case
                    when denominator < 25 then 0.25
                    when denominator < 50 then 0.2
                    when denominator < 100 then 0.1
                    when denominator < 500 then 0.05
                    else 0.01
                end
            when rule = 'index' and grouped then 0.05
            when rule in ('share', 'ratio') and grouped and denominator < fine_from then 0.05
            when rule = 'share' then 0.01
        end as double) as step,
        -- Threads and pairs are finer; there both ends are cut off instead: of one thread without an answer nothing is said.
        case
            when of_threads and numerator < fewest_people then 'under'
            when of_threads and denominator - numerator < fewest_people then 'over'
        end as bound,
        if(grouped, denominator // 5 * 5, denominator) as shown_denominator
    from judged
    cross join params
    where withheld is null
), shown as (
    select
        stepped.* exclude (value, low, high),
        low is not null as has_low,
        high is not null as has_high,
        low as exact_low,
        high as exact_high,
        case
            when bound = 'under' then ceil(fewest_people / shown_denominator / step - 1e-9) * step
            when bound = 'over' then 1 - ceil(fewest_people / shown_denominator / step - 1e-9) * step
            when step = 5.0 then floor(value / step) * step
            when step is not null then round(round(value / step) * step, 4) + 0.0
            when value = 0 then 0.0
            else round(value, cast(1 - floor(log10(abs(value))) as integer))
        end as value
    from stepped
    cross join params
), spread as (
    -- Of the interval of a share only what follows from the share and the number as they are shown.
    select
        shown.*,
        if(rule = 'share', case bound when 'under' then 0 when 'over' then (shown_denominator - fewest_people + 1) / shown_denominator
            else greatest(value - step / 2, 0.0) end, null) as from_share,
        if(rule = 'share', case bound when 'under' then (fewest_people - 1) / shown_denominator when 'over' then 1
            else least(value + step / 2, 1.0) end, null) as to_share
    from shown
    cross join params
)
select
    judged.community,
    judged.window_end,
    judged.metric,
    judged.version,
    judged.part,
    round(spread.value, 4) as value,
    case
        when not has_low then null
        when spread.rule = 'share' then floor(100 * wilson_low(from_share * shown_denominator, shown_denominator) + 1e-6) / 100
        when exact_low = 0 then 0.0
        else round(exact_low, cast(1 - floor(log10(abs(exact_low))) as integer))
    end as low,
    case
        when not has_high then null
        when spread.rule = 'share' then ceil(100 * wilson_high(to_share * shown_denominator, shown_denominator) - 1e-6) / 100
        when exact_high = 0 then 0.0
        else round(exact_high, cast(1 - floor(log10(abs(exact_high))) as integer))
    end as high,
    if(judged.rule = 'cells', null, cast(shown_denominator as bigint)) as denominator,
    bound,
    case
        when judged.contributors < smallest_community then null
        when judged.contributors < small_community and judged.word = 'thin' then 'present' -- in so small a community only whether
        else judged.word
    end as word,
    judged.kind,
    judged.rule,
    judged.counts,
    judged.grouped,
    judged.withheld,
    step,
    case
        when step = 5.0 then 'down to fives'
        when step is not null and bound is null then printf('to %d %%', cast(round(step * 100) as integer))
    end as rounding
from judged
left join spread using (community, window_end, metric, part)
cross join params
