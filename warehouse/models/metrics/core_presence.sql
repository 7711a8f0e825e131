/*
id: P3
title: Core group
chapter: participation
version: 2
summary: People in the core, and their share of core, active and occasional members.
grain: [community, window_end]
unit: share of members
direction: both extremes are bad
needs: [contributions]
minimum: 3 alive beats
reads: [core.parameters, core.windows, levels.evaluations]
reference: Probst & Borzillo 2008 (the lack of a core group is the first of five causes of failure).
reading: No core means that nobody carries it; one or two is a help desk; more than a third is a team rather than a community, or a drought of newcomers.
sentences:
  up: The core is a larger part of the community
  down: The core is a smaller part of the community
  phrase: "{value} members were at the core"
  ask: "Is the domain still a priority for the people who carry it?"
measure: {value: core_presence_share, kind: share, numerator: core_members, denominator: members, word: core_presence, reveals: [core, active, occasional], counts: people}
columns:
  community: the community
  window_end: the evaluation, a Monday 00:00 UTC, exclusive
  core_members: people at level core; sponsors' staff left out
  members: people at level core, active or occasional; absent where fewer than three live beats give nobody a level
  core_presence_share: core_members ÷ members; not measured without members
  core_presence: absent (0), thin (1 or 2) or present; nothing where fewer than three live beats give nobody a level
caveats:
  - Sponsors read only whether five or more are in the core, and from 15 contributors on the share.
  - There is no interval, because these are all the members there were.
  - A core that stops is seen as core for up to ten weeks more.
*/
with counted as (
    select
        community,
        window_end,
        count(*) filter (level = 'core') as core_members,
        count(*) as members
    from levels.evaluations
    where level in ('core', 'active', 'occasional') and not sponsor_staff
    group by all
)
select
    windows.community,
    windows.window_end,
    coalesce(core_members, 0) as core_members,
    if(members is null and windows.alive_beats < level_beats, null, coalesce(members, 0)) as members,
    core_members / counted.members as core_presence_share,
    case
        when counted.members is null and windows.alive_beats < level_beats then null
        when coalesce(core_members, 0) = 0 then 'absent'
        when core_members <= 2 then 'thin'
        else 'present'
    end as core_presence
from core.windows
join core.parameters using (community)
left join counted using (community, window_end)
