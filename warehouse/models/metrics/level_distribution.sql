/*
id: P2
title: Levels of participation
chapter: participation
version: 2
summary: People at each level, and their share of everybody seen in the window.
grain: [community, window_end, level]
unit: people
direction: neither
needs: [contributions]
minimum: 3 alive beats
reads: [core.evidence, core.parameters, core.windows, levels.evaluations]
reference: Wenger, McDermott & Snyder 2002 (core 10-15 %, active 15-20 %); the level rules are in the README.
reading: Every level is a good place to be. A large periphery is normal; a share outside the book's range is a question, not a verdict.
sentences:
  up: More people are at this level
  down: Fewer people are at this level
  phrase: "{value} people were at this level"
  ask: "What would people at each level like to do next?"
measure: {value: members, kind: distribution, numerator: members, denominator: seen, hides_first: [occasional, active], counts: people}
columns:
  community: the community
  window_end: the evaluation, a Monday 00:00 UTC, exclusive
  level: core, active, occasional, peripheral or transactional
  members: people at this level, sponsors' staff left out; not measured where fewer than three live beats give nobody a level, nor at peripheral where nothing ever showed somebody present without contributing
  seen: people at any of the five levels
  level_share: members ÷ seen; not measured where nobody has a level
caveats:
  - Where no platform reports who reads, the periphery is larger than it looks; say "of those who spoke".
  - A level changes only after it was confirmed; core loss shows ten weeks late.
*/
with named_levels as (
    select unnest(['core', 'active', 'occasional', 'peripheral', 'transactional']) as level
), counted as (
    select community, window_end, level, count(*) as members
    from levels.evaluations
    where not sponsor_staff
    group by all
), spine as (
    select
        community,
        window_end,
        level,
        alive_beats < level_beats as has_no_levels,
        coalesce(members, 0) as members,
        -- A level that nothing can show is not empty; it is not measured, and no other has to hide because of it.
        level = 'peripheral' and not coalesce(presence, false)
            and sum(coalesce(members, 0)) over (partition by community, level order by window_end) = 0 as cannot_be_seen
    from core.windows
    join core.parameters using (community)
    left join core.evidence using (community, window_end)
    cross join named_levels
    left join counted using (community, window_end, level)
)
select
    community,
    window_end,
    level,
    if(cannot_be_seen or (has_no_levels and sum(members) over everybody = 0), null, members) as members,
    cast(sum(members) over everybody as bigint) as seen,
    members / nullif(sum(members) over everybody, 0) as level_share
from spine
window everybody as (partition by community, window_end)
