/*
id: P8
title: Movement between levels
chapter: participation
version: 1
summary: People who moved in to active or core, or out of them, since the window before.
grain: [community, window_end]
unit: share of those who could move
direction: higher is better
needs: [contributions]
minimum: two whole windows, with three live beats in each
reads: [core.parameters, core.windows, levels.flow]
reference: Wenger-Trayner & Wenger-Trayner 2015; CHAOSS, metric Conversion Rate.
reading: People move in and out; that they can is a sign of life. A leaky middle is normal.
measure: {value: level_mobility_net, kind: index, numerator: promoted, denominator: outside, counts: people}
columns:
  community: the community
  window_end: the evaluation, a Monday 00:00 UTC, exclusive
  promoted: people outside active and core one whole window before, who are in them now
  outside: people at a level outside active and core one whole window before
  left_inside: people in active or core one whole window before, who are in neither now
  inside: people in active or core one whole window before, those left out who became sponsor or staff since
  inbound_share: promoted ÷ outside
  outbound_share: left_inside ÷ inside
  level_mobility_net: inbound_share − outbound_share; not measured where either is not
caveats:
  - Levels are read after confirmation, so a move is seen weeks after it began.
  - A first appearance is no move; those who were not there one window before are not in it.
*/
with counted as (
    select
        community,
        window_end,
        sum(members) filter (from_level not in ('core', 'active') and to_level in ('core', 'active')) as promoted,
        sum(members) filter (from_level not in ('core', 'active')) as outside,
        -- From there to `not seen` within a window comes only who became sponsor or staff; they have not gone.
        sum(members) filter (from_level in ('core', 'active') and to_level not in ('core', 'active', 'not seen')) as left_inside,
        sum(members) filter (from_level in ('core', 'active') and to_level <> 'not seen') as inside
    from levels.flow
    where from_level in ('core', 'active', 'occasional', 'peripheral', 'transactional', 'dormant')
    group by all
), spine as (
    -- An evaluation that gives no levels knows those who left, and nobody else: nothing can be said of who moved.
    select windows.community, windows.window_end
    from core.windows
    join core.parameters using (community)
    asof join core.windows as earlier
        on earlier.community = windows.community and earlier.window_end <= windows.window_start
    where windows.archive_weeks >= 2 * windows.window_weeks and least(windows.alive_beats, earlier.alive_beats) >= level_beats
), measured as (
    from counted
    semi join spine using (community, window_end)
)
select
    windows.community,
    windows.window_end,
    cast(coalesce(promoted, 0) as bigint) as promoted,
    cast(coalesce(outside, 0) as bigint) as outside,
    cast(coalesce(left_inside, 0) as bigint) as left_inside,
    cast(coalesce(inside, 0) as bigint) as inside,
    coalesce(promoted, 0) / nullif(outside, 0) as inbound_share,
    coalesce(left_inside, 0) / nullif(inside, 0) as outbound_share,
    coalesce(promoted, 0) / nullif(outside, 0) - coalesce(left_inside, 0) / nullif(inside, 0) as level_mobility_net
from core.windows
left join measured using (community, window_end)
