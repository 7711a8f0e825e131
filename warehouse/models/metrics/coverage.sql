/*
id: M1
title: Coverage
chapter: data
version: 1
summary: Share of the sources a community expects events from that sent some in time, as of now.
grain: [community]
unit: share of sources
direction: higher is better
needs: [sources in the settings]
minimum: none
reads: [landing.communities, landing.sources, landing.interactions]
reference: Own proposal; a source is judged by its heartbeat, not by the age of its last event.
reading: What was not seen. Below one, read everything else with care.
refresh: now
sentences:
  up: More sources send records
  down: Fewer sources send records
  phrase: "{value} sources sent records in time"
  ask: "Which source is silent, and since when?"
measure: {value: coverage_share, kind: share, numerator: sources_seen, denominator: sources, counts: sources}
columns:
  community: the community
  sources: sources that the community expects to hear from
  sources_seen: those last seen within their allowed gap
  coverage_share: sources_seen ÷ sources; not measured where the settings name no source
  recent_interactions: interactions of the last 28 days
  late_interactions: those that landed more than 24 hours after they happened
  late_share: late_interactions ÷ recent_interactions
  as_of: the moment all this is about
caveats:
  - A source that answers but hides some spaces counts as seen.
  - An imported history is late by nature.
*/
with params as (
    select interval 28 day as recent, interval 24 hour as in_time
), seen as (
    select
        sources.community,
        count(*) as sources,
        count(*) filter (sources.last_seen_at >= building.as_of - to_hours(sources.max_gap_hours)) as sources_seen
    from landing.sources
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
    coalesce(sources, 0) as sources,
    coalesce(sources_seen, 0) as sources_seen,
    sources_seen / sources as coverage_share,
    coalesce(recent_interactions, 0) as recent_interactions,
    coalesce(late_interactions, 0) as late_interactions,
    late_interactions / recent_interactions as late_share,
    building.as_of
from building
semi join landing.communities using (community)
left join seen using (community)
left join arrived using (community)
