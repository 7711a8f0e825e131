/*
id: M1
title: Coverage
version: 1
summary: Share of the doors a community expects to hear from that were heard from in time, as of now.
grain: [community]
unit: share of doors
direction: higher is better
needs: [doors in the settings]
minimum: none
source: [landing.communities, landing.doors, landing.interactions]
reference: Own proposal; a door is judged by its heartbeat, not by the age of its last event.
reading: What was not seen. Below one, read everything else with care.
refresh: now
measure: {value: coverage_share, kind: share, numerator: doors_heard, denominator: doors, counts: sources}
columns:
  community: the community
  doors: doors that the community expects to hear from
  doors_heard: those last heard from within their allowed gap
  coverage_share: doors_heard ÷ doors; not measured where the settings name no door
  recent_interactions: interactions of the last 28 days
  late_interactions: those that landed more than 24 hours after they happened
  late_share: late_interactions ÷ recent_interactions
  as_of: the moment all this is about
caveats:
  - A door that answers but hides some spaces is heard from all the same.
  - An imported history is late by nature.
*/
with params as (
    select interval 28 day as recent, interval 24 hour as in_time
), heard as (
    select
        doors.community,
        count(*) as doors,
        count(*) filter (doors.last_heard_at >= building.as_of - to_hours(doors.max_gap_hours)) as doors_heard
    from landing.doors
    join building using (community)
    group by all
), arrived as (
    select
        interactions.community,
        count(*) as recent_interactions,
        count(*) filter (interactions.landed_at > interactions.occurred_at + in_time) as late_interactions
    from landing.interactions
    join building using (community)
    cross join params
    where interactions.occurred_at >= building.as_of - recent and interactions.occurred_at < building.as_of
    group by all
)
select
    building.community,
    coalesce(doors, 0) as doors,
    coalesce(doors_heard, 0) as doors_heard,
    doors_heard / doors as coverage_share,
    coalesce(recent_interactions, 0) as recent_interactions,
    coalesce(late_interactions, 0) as late_interactions,
    late_interactions / recent_interactions as late_share,
    building.as_of
from building
semi join landing.communities using (community)
left join heard using (community)
left join arrived using (community)
