/*
id: C1
title: Retention
version: 1
summary: Of the people who contributed in the window before, the share who contributed in this one.
grain: [community, window_end]
unit: share of people
direction: higher is better
needs: [contributions]
minimum: two whole windows
source: [core.windows, levels.evaluations]
reference: Rowe & Alani and Karnstedt et al. on churn in online communities; LFX Insights for how low open communities run.
reading: Most occasional members vanish for a quarter, and many come back; compare it with the community's own past only.
measure: {value: retention_share, kind: share, numerator: retained, denominator: previous_contributors, low: retention_low, high: retention_high, counts: people}
columns:
  community: the community
  window_end: the evaluation, a Monday 00:00 UTC, exclusive
  previous_contributors: people who contributed in the window before this one
  retained: those of them who contributed in this window too
  retention_share: retained ÷ previous_contributors; not measured where nobody contributed before
  retention_low: lower end of Wilson's 95 % interval
  retention_high: upper end of Wilson's 95 % interval
caveats:
  - Not coming back within a window is not the same as having left.
  - One person with two unlinked accounts can look lost.
*/
with contributed as (
    select community, window_end, member
    from levels.evaluations
    where contributions > 0
), counted as (
    select
        windows.community,
        windows.window_end,
        count(*) as previous_contributors,
        count(present.member) as retained
    from core.windows
    join contributed as past
        on past.community = windows.community and past.window_end = windows.window_start
    left join contributed as present
        on present.community = windows.community
        and present.window_end = windows.window_end
        and present.member = past.member
    group by all
)
select
    windows.community,
    windows.window_end,
    coalesce(counted.previous_contributors, 0) as previous_contributors,
    coalesce(retained, 0) as retained,
    retained / counted.previous_contributors as retention_share,
    wilson_low(retained, counted.previous_contributors) as retention_low,
    wilson_high(retained, counted.previous_contributors) as retention_high
from core.windows
left join counted using (community, window_end)
