/*
id: S2
title: Reciprocity
chapter: relationships
version: 1
summary: Of the pairs of people who acted towards one another in the window, the share in which both did.
grain: [community, window_end]
unit: share of pairs
direction: both extremes are bad
needs: [replies or mentions]
minimum: 15 contributors
reads: [core.ties, core.windows]
reference: Wasserman & Faust 1994, dyadic reciprocity; one of the features that predicted the survival of communities on Reddit.
reading: Near nothing is broadcast, near everything is a closed circle.
sentences:
  up: More ties go both ways
  down: Fewer ties go both ways
  phrase: "{value} ties went both ways"
  ask: "Is broadcast replacing conversation, or the reverse?"
measure: {value: reciprocity_share, kind: share, numerator: mutual_pairs, denominator: pairs, counts: pairs, network: true}
columns:
  community: the community
  window_end: the evaluation, a Monday 00:00 UTC, exclusive
  pairs: pairs of people of whom at least one answered, addressed or followed the other in a thread in the window
  mutual_pairs: pairs in which both did
  reciprocity_share: mutual_pairs ÷ pairs; not measured without pairs
caveats:
  - Where the platform does not state whom a message answers, the last different speaker in the thread is taken.
  - No interval is given; pairs that share a person are not independent.
*/
with directed as (
    select distinct
        windows.community,
        windows.window_end,
        least(ties.member, ties.to_member) as one,
        greatest(ties.member, ties.to_member) as other,
        ties.member < ties.to_member as outward
    from core.windows
    join core.ties
        on ties.community = windows.community
        and ties.week >= windows.week - windows.window_weeks
        and ties.week < windows.week
), pairs as (
    select community, window_end, one, other, count(*) = 2 as mutual
    from directed
    group by all
), counted as (
    select community, window_end, count(*) as pairs, count(*) filter (mutual) as mutual_pairs
    from pairs
    group by all
)
select
    windows.community,
    windows.window_end,
    coalesce(pairs, 0) as pairs,
    coalesce(mutual_pairs, 0) as mutual_pairs,
    mutual_pairs / pairs as reciprocity_share
from core.windows
left join counted using (community, window_end)
