/*
summary: Every metric's value as a sponsor may see it. What may not be shown is withheld here, in one step, with the reason.
grain: [community, window_end, metric, part]
reads: [scorecard.limits, scorecard.judged]
columns:
  community: the community
  window_end: the evaluation, a Monday 00:00 UTC, exclusive
  metric: the metric's id in the catalogue
  version: version of the metric's definition
  part: level or series, for a metric that has several values an evaluation; else empty
  value: the value as it may be shown, a number of people, threads or pairs as the lower end of its group of five; absent where withheld or not measured
  range_low: rounding range of a share of people, the lowest exact value that is shown so; absent for others
  range_high: the highest exact value that is shown so
  low: lower end of the 95 % interval, widened by the rounding
  high: upper end of the 95 % interval, widened by the rounding
  denominator: how many the value rests on; people, threads and pairs as the lower end of their group of five
  bound: under or over, where the value is only known to be so, because fewer than five are on the other side; else nothing
  word: a word that stands for the value, where the metric has one and the community has ten contributors
  inferred: about which share of the threads in the denominator is inferred from silence, in steps of 10 %; none and all only where it is so; absent where withheld
  weeks: weeks before the evaluation that the value covers
  kind: kind of measure, share, people, count, hours, days, ratio, index or distribution
  rule: how small groups are withheld, count, cells, share, ratio, index or measurement
  counts: what the denominator counts, people, threads, pairs, events, beats, meetings or sources
  grouped: whether what is counted could point at somebody, as people, threads and pairs do
  withheld: why there is no value, or nothing
  step: distance between two values that can be shown, or nothing
  rounding: the same in words, or nothing
checks:
  - name: no_small_group
    rule: No count of people, threads or pairs below five is shown.
    sql: select community from {table} where rule in ('count', 'cells') and grouped and value < 5
  - name: no_share_of_few
    rule: No share of fewer than twenty people, threads or pairs is shown.
    sql: select community from {table} where rule in ('share', 'ratio', 'index') and grouped and value is not null and denominator < 20
  - name: groups_of_five
    rule: Counts of people, threads and pairs are multiples of five.
    sql: select community from {table} where grouped and ((rule in ('count', 'cells') and value % 5 <> 0) or denominator % 5 <> 0)
*/
-- What is shown follows from groups of five (0-4, 5-9, ...), whose limits are the limits of the rules (15, 20, 30): so whoever knows the
-- rules, and every other number, and the weeks around, is still left with five neighbouring numbers for each count of people. That is
-- also what stops differencing; to withhold small differences as such would reveal that they are small. tests/warehouse/test_withholding.py
-- attacks all of it.
with allowed as (
    -- Of a value that is withheld nothing goes any further: what follows sees no number of it.
    select judged.* replace (
        if(withheld is null, value, null) as value,
        if(withheld is null, low, null) as low,
        if(withheld is null, high, null) as high,
        if(withheld is null, numerator, null) as numerator,
        if(withheld is null, denominator, null) as denominator,
        if(withheld is null, effective, null) as effective
    )
    from scorecard.judged
), stepped as (
    select
        allowed.*,
        rule = 'share' and grouped and counts <> 'people' as of_threads,
        cast(case
            when withheld is not null then null
            when rule in ('count', 'cells') and grouped then fewest_people
            -- A step of a share of people is never fewer than five of them.
            when rule in ('share', 'ratio', 'index') and counts = 'people' then
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
        -- At the ends of a share of people the last step and a half are one: a total that changes might otherwise show that a few
        -- are missing. Threads and pairs are finer; there both ends are cut off: one thread without an answer is not shown.
        rule = 'share' and counts = 'people' as of_people,
        case
            when of_people and round(value / step) <= 1 then 'under'
            when of_people and round(value / step) >= round(1 / step) - 1 then 'over'
            when of_threads and numerator < fewest_people then 'under'
            when of_threads and denominator - numerator < fewest_people then 'over'
        end as bound,
        if(grouped, denominator // fewest_people * fewest_people, denominator) as shown_denominator
    from allowed
    cross join scorecard.limits
), shown as (
    select
        stepped.* exclude (value, low, high),
        low is not null as has_low,
        high is not null as has_high,
        low as exact_low,
        high as exact_high,
        case
            when of_people and bound = 'under' then 1.5 * step
            when of_people and bound = 'over' then 1 - 1.5 * step
            when bound = 'under' then ceil(fewest_people / shown_denominator / step - 1e-9) * step
            when bound = 'over' then 1 - ceil(fewest_people / shown_denominator / step - 1e-9) * step
            when step = fewest_people then floor(value / step) * step
            when step is not null then round(round(value / step) * step, 4) + 0.0
            when value = 0 then 0.0
            else round(value, cast(1 - floor(log10(abs(value))) as integer))
        end as value
    from stepped
    cross join scorecard.limits
), spread as (
    -- Of the interval of a share only what follows from the share and the number as they are shown.
    select
        shown.*,
        -- as many independent threads as the interval rests on, in fives
        least(shown_denominator, greatest(1, coalesce(floor(effective / fewest_people) * fewest_people, shown_denominator))) as independent,
        case
            when rule <> 'share' then null
            when bound = 'under' then 0
            when bound = 'over' and of_people then value
            when bound = 'over' then (shown_denominator - fewest_people + 1) / shown_denominator
            else greatest(value - step / 2, 0.0)
        end as from_share,
        case
            when rule <> 'share' then null
            when bound = 'over' then 1
            when bound = 'under' and of_people then value
            when bound = 'under' then (fewest_people - 1) / shown_denominator
            else least(value + step / 2, 1.0)
        end as to_share
    from shown
    cross join scorecard.limits
)
select
    community,
    window_end,
    metric,
    version,
    part,
    round(value, 4) as value,
    if(of_people and value is not null, round(from_share, 4), null) as range_low,
    if(of_people and value is not null, round(to_share, 4), null) as range_high,
    case
        when not has_low then null
        when rule = 'share' then floor(100 * wilson_low(from_share * independent, independent) + 1e-6) / 100
        -- The interval of a change follows from how many came and how many went, so with the change it would reveal a few of them.
        when rule = 'index' and counts = 'people' then null
        when exact_low = 0 then 0.0
        else round(exact_low, cast(1 - floor(log10(abs(exact_low))) as integer))
    end as low,
    case
        when not has_high then null
        when rule = 'share' then ceil(100 * wilson_high(to_share * independent, independent) - 1e-6) / 100
        when rule = 'index' and counts = 'people' then null
        when exact_high = 0 then 0.0
        else round(exact_high, cast(1 - floor(log10(abs(exact_high))) as integer))
    end as high,
    if(rule = 'cells', null, cast(shown_denominator as bigint)) as denominator,
    bound,
    if(contributors < smallest_community, null, word) as word,
    case
        when withheld is not null then null
        when inferred > 0 and inferred < 1 then least(0.9, greatest(0.1, round(inferred, 1)))
        else inferred
    end as inferred,
    weeks,
    kind,
    rule,
    counts,
    grouped,
    withheld,
    step,
    case
        when step = fewest_people then 'down to fives'
        when step is not null and (bound is null or of_people) then printf('to %d %%', cast(round(step * 100) as integer))
    end as rounding
from spread
cross join scorecard.limits
