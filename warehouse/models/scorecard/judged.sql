/*
summary: Every estimate with the reason why its value may not be shown to sponsors, where there is one.
grain: [community, window_end, metric, part]
materialized: view
reads: [scorecard.estimates, scorecard.limits]
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
  word: a word that may stand for the value
  weeks: weeks before the evaluation that the value covers
  kind: kind of measure
  rule: how small groups are withheld
  counts: what numerator and denominator count
  grouped: whether what is counted could point at somebody
  contributors: people who contributed in the window
  withheld: why the value may not be shown; absent where it may
*/
with placed as (
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
        -- Members are the core, the active and the occasional: their share reveals each of the three.
        metric = 'P3' and count(*) filter (
            metric = 'P2' and part in ('core', 'active', 'occasional') and value < fewest_people
        ) over (partition by community, window_end) > 0 as reveals_few
    from placed
    cross join scorecard.limits
    window cells_of_one as (partition by community, window_end, metric)
)
select
    cells.* exclude (network, smallest, always, from_last, few_before_last, few_in_last, all_alike, reveals_few),
    case
        when contributors < smallest_community and not always then printf('fewer than %d contributors', smallest_community)
        when value is null then 'not measured'
        when network and contributors < network_community then printf('ties are shown from %d contributors on', network_community)
        when rule in ('share', 'index', 'cells', 'ratio') and grouped and contributors < small_community
            then printf('fewer than %d contributors', small_community)
        -- before the next: that members are twenty would reveal it too
        when reveals_few then printf('a group in it has fewer than %d, or would reveal one', fewest_people)
        when rule in ('share', 'index', 'ratio') and grouped
            and coalesce(denominator, 0) < fewest_in_a_share then printf('rests on fewer than %d', fewest_in_a_share)
        when smallest > 0 and coalesce(denominator, 0) < smallest then printf('rests on fewer than %d', smallest)
        when rule = 'count' and grouped and value < fewest_people then printf('fewer than %d', fewest_people)
        -- The last cell hides with any other that must; where it alone must, the one before it hides too. So among those that
        -- are hidden there is always one that stays unknown, and no total reveals the others. Which one it is does
        -- not follow from the numbers, and the reason is the same for all.
        when rule = 'cells' and (
            all_alike
            or value < fewest_people
            or (from_last = 1 and few_before_last > 0)
            or (from_last = 2 and few_before_last = 0 and few_in_last > 0)
        ) then printf('fewer than %d, or hidden so that such a group stays hidden', fewest_people)
    end as withheld
from cells
cross join scorecard.limits
