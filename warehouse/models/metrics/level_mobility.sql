/*
id: P8
title: Movement into the active group
chapter: participation
version: 2
summary: People who came into active or core since the window before, less those who went out, over the mean size of that group.
grain: [community, window_end]
unit: share of the group's mean size
direction: higher is better
needs: [contributions]
minimum: two whole windows, with three live beats in each
reads: [core.parameters, core.windows, levels.flow]
reference: Wenger-Trayner & Wenger-Trayner 2015; CHAOSS, metric Conversion Rate.
reading: Zero means that as many people came in as went out, however many moved. That people can come in and go out is a sign of life.
sentences:
  up: More people move into the active group
  down: More people leave the active group than move into it
  phrase: "the active group changed by {value} of its size"
  ask: "What makes people step in, and what makes them step back?"
  absent: "There are not yet two whole windows to compare."
measure: {value: level_mobility_net, kind: index, numerator: entered, denominator: mean_group, low: level_mobility_low, high: level_mobility_high, reveals: [core, active], reveals_before: true, counts: people}
columns:
  community: the community
  window_end: the evaluation, a Monday 00:00 UTC, exclusive
  entered: people who are in active or core now and were not one whole window before, wherever they were, also where they were not seen
  went_out: people who were in active or core one whole window before and are not now, wherever they are, also where they are no longer seen
  group_before: people in active or core one whole window before
  group_now: people in active or core now
  mean_group: mean of group_before and group_now; absent where nothing is known of who moved
  entry_share: entered ÷ mean_group
  exit_share: went_out ÷ mean_group
  level_mobility_net: entry_share − exit_share, which is 0 where the group keeps its size; not measured where nobody was in it
  level_mobility_low: lower end of the 95 % interval
  level_mobility_high: upper end of the 95 % interval
checks:
  - name: balance
    rule: Who was in the group and who came in, less who went out, are the group now.
    sql: select community from {table} where group_before + entered - went_out <> group_now
caveats:
  - Levels are read after confirmation, so a move is seen weeks after it began.
  - Sponsors' staff are in no level, so somebody who becomes staff goes out.
  - The interval takes each person as moving by themselves; who comes and goes in groups makes it too narrow.
*/
with moves as (
    select
        community,
        window_end,
        from_level in ('core', 'active') as was_in,
        to_level in ('core', 'active') as is_in,
        members
    from levels.flow
), counted as (
    select
        community,
        window_end,
        sum(members) filter (is_in and not was_in) as entered,
        sum(members) filter (was_in and not is_in) as went_out,
        sum(members) filter (was_in) as group_before,
        sum(members) filter (is_in) as group_now
    from moves
    group by all
), spine as (
    -- An evaluation that gives no levels knows those who left, and nobody else: who moved is unknown.
    select windows.community, windows.window_end
    from core.windows
    join core.parameters using (community)
    asof join core.windows as earlier
        on earlier.community = windows.community and earlier.window_end <= windows.window_start
    where windows.archive_weeks >= 2 * windows.window_weeks and least(windows.alive_beats, earlier.alive_beats) >= level_beats
), measured as (
    select
        windows.community,
        windows.window_end,
        cast(coalesce(entered, 0) as bigint) as entered,
        cast(coalesce(went_out, 0) as bigint) as went_out,
        cast(coalesce(group_before, 0) as bigint) as group_before,
        cast(coalesce(group_now, 0) as bigint) as group_now,
        spine.window_end is not null as has_two_windows
    from core.windows
    left join spine using (community, window_end)
    left join (from counted semi join spine using (community, window_end)) as counted using (community, window_end)
)
select
    community,
    window_end,
    entered,
    went_out,
    group_before,
    group_now,
    if(has_two_windows, (group_before + group_now) / 2, null) as mean_group,
    entered / nullif(mean_group, 0) as entry_share,
    went_out / nullif(mean_group, 0) as exit_share,
    (entered - went_out) / nullif(mean_group, 0) as level_mobility_net,
    if(mean_group > 0, over_mean(change_low(entered, went_out, group_before), group_before), null) as level_mobility_low,
    if(mean_group > 0, over_mean(change_high(entered, went_out, group_before), group_before), null) as level_mobility_high
from measured
