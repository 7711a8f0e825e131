/*
summary: What was seen and what was not, as of now; the banner above every report.
grain: [community]
reads: [landing.interactions, metrics.coverage, scorecard.limits]
refresh: now
columns:
  community: the community
  as_of: the moment all this is about
  sources: sources that the community expects to hear from
  sources_seen: those last seen within their allowed gap
  coverage_share: sources_seen ÷ sources
  late_share: share of the last 28 days' interactions that landed more than a day late, to 1 %; absent where fewer than twenty happened
  first_at: day of the oldest interaction
  last_at: day of the newest interaction
  interactions: interactions landed in all, conflicts and revisions among them
*/
with landed as (
    select
        interactions.community,
        date_trunc('day', min(interactions.occurred_at)) as first_at,
        date_trunc('day', max(interactions.occurred_at)) as last_at,
        count(*) as interactions
    from landing.interactions
    semi join building using (community)
    group by all
)
select
    coverage.community,
    coverage.as_of,
    coverage.sources,
    coverage.sources_seen,
    coverage.coverage_share,
    if(coverage.recent_interactions >= fewest_in_a_share, round(coverage.late_share, 2), null) as late_share,
    landed.first_at,
    landed.last_at,
    coalesce(landed.interactions, 0) as interactions
from metrics.coverage
cross join scorecard.limits
left join landed using (community)
