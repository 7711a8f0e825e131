/*
summary: Every estimate with the reason why its value may not be shown to sponsors, where there is one.
grain: [community, window_end, metric, part]
materialized: view
reads: [core.windows, scorecard.estimates, scorecard.limits]
columns:
  community: the community
  window_end: the evaluation, a Monday 00:00 UTC, exclusive
  metric: the metric's id in the catalogue
  version: version of the metric's definition
  part: level or series, for a metric that has several values per evaluation; else empty
  value: the value, as in scorecard.estimates
  low: lower end of the 95 % interval
  high: upper end of the 95 % interval
  numerator: numerator or count behind the value
  denominator: denominator behind the value
  effective: how many independent threads say as much as the denominator
  inferred: share of the threads in the denominator that are inferred from silence
  word: a word that may stand for the value; for people, present or few or none
  weeks: weeks before the evaluation that the value covers
  kind: kind of measure
  rule: how small groups are withheld
  counts: what numerator and denominator count
  grouped: whether what is counted could point at somebody
  contributors: people who contributed in the window
  withheld: why the value may not be shown; absent where it may
*/
with cells as (
    -- A part that cannot be measured is no cell: it hides nothing.
    select
        estimates.*,
        rule = 'cells' and value < fewest_people as few,
        count(*) filter (value > 0) over cells_of_one = 1 as all_alike,
        count(*) filter (value < fewest_people and hide_order is distinct from 1) over cells_of_one as few_others,
        count(*) filter (value < fewest_people and hide_order = 1) over cells_of_one as few_first
    from scorecard.estimates
    cross join scorecard.limits
    window cells_of_one as (partition by community, window_end, metric)
), hiding as (
    -- Where any cell must hide, the first of those that hide first does too; where it alone must, the second. So among those that
    -- are hidden there is always one of which nothing is known, and no total reveals the others. Which one it is does not
    -- follow from the numbers, and the reason is the same for all. The cells at the edge, where many are, keep their number.
    select
        *,
        rule = 'cells' and value is not null and (
            all_alike
            or few
            or (hide_order = 1 and few_others > 0)
            or (hide_order = 2 and few_others = 0 and few_first > 0)
        ) as hides
    from cells
), hidden_parts as (
    select community, window_end, list(part) as parts
    from hiding
    where metric = 'P2' and hides
    group by all
), placed as (
    select
        hiding.*,
        list_has_any(reveals, coalesce(now.parts, []))
            or (reveals_before and list_has_any(reveals, coalesce(before.parts, []))) as reveals_hidden
    from hiding
    left join core.windows using (community, window_end)
    asof left join core.windows as earlier
        on earlier.community = hiding.community and earlier.window_end <= windows.window_start
    left join hidden_parts as now on now.community = hiding.community and now.window_end = hiding.window_end
    left join hidden_parts as before on before.community = earlier.community and before.window_end = earlier.window_end
)
select
    placed.* exclude (
        network, smallest, always, openers, hide_order, reveals, reveals_before, fed, few, all_alike, few_others, few_first, hides,
        reveals_hidden
    ) replace (
        -- Of a few people it is not shown whether there are any.
        case when word is not null and grouped and numerator < fewest_people then 'few or none' else word end as word
    ),
    -- None always looks like few: who asks for a denominator gets the same answer for both.
    case
        when contributors < smallest_community and not always then printf('fewer than %d contributors', smallest_community)
        when not fed or (value is null and denominator is null) then 'not measured'
        when network and contributors < network_community then printf('ties are shown from %d contributors on', network_community)
        when rule in ('share', 'index', 'cells', 'ratio') and grouped and contributors < small_community
            then printf('fewer than %d contributors', small_community)
        -- before the next: that members are twenty would reveal it too
        when reveals_hidden then printf('a group in it has fewer than %d, or would reveal one', fewest_people)
        when rule in ('share', 'index', 'ratio') and grouped
            and coalesce(denominator, 0) < fewest_in_a_share then printf('rests on fewer than %d', fewest_in_a_share)
        when smallest > 0 and coalesce(denominator, 0) < smallest then printf('rests on fewer than %d', smallest)
        when openers < fewest_people then printf('comes from fewer than %d people', fewest_people)
        when value is null then 'not measured'
        when rule = 'count' and grouped and value < fewest_people then printf('fewer than %d', fewest_people)
        when hides then printf('fewer than %d, or hidden so that such a group stays hidden', fewest_people)
    end as withheld
from placed
cross join scorecard.limits
