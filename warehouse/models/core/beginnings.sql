/*
summary: Where the plausible history of each community begins, and how many older records are set apart.
grain: [community]
reads: [landing.communities, landing.interactions]
refresh: now
columns:
  community: the community
  begins_at: records before this moment are in no other table; absent where every record counts
  reason: settings where guildhall.toml names the day, gap where few records lie more than two years before all others
  set_apart: number of records set apart
caveats:
  - Few means at most five records or one in a hundred, and fewer than half of all.
  - If the old records are right, name the day of the oldest one as `begins` of the community in guildhall.toml.
checks:
  - name: set_apart
    rule: No record is set apart for its time; `begins` of the community in guildhall.toml decides.
    sql: select community from {table} where set_apart > 0 and reason = 'gap'
    severity: warn
    consequence: The records before `begins_at` count nowhere. Where they are right, the community's whole beginning is missing.
    remedy: Look at core.beginnings. Set `begins` of the community in guildhall.toml, to the day of the oldest record where the records are right, else to `begins_at`.
*/
with params as (
    select 730 as gap_days, 5 as few, 100 as one_in
), days as (
    select community, cast(occurred_at as date) as day, count(*) as records
    from landing.interactions
    join building using (community)
    where occurred_at < as_of
    group by all
), story as (
    select
        community,
        day,
        lead(day) over so_far as next_day,
        sum(records) over so_far as records_until,
        sum(records) over (partition by community) as records
    from days
    window so_far as (partition by community order by day)
), alone as (
    select community, max(next_day) as next_day
    from story
    cross join params
    where next_day - day > gap_days
        and (records_until <= few or records_until * one_in <= records)
        and records_until * 2 < records
    group by community
), beginnings as (
    select
        building.community,
        coalesce(communities.begins_at, cast(alone.next_day as timestamp)) as begins_at,
        case when communities.begins_at is not null then 'settings' when alone.next_day is not null then 'gap' end as reason
    from building
    left join landing.communities using (community)
    left join alone using (community)
)
select
    beginnings.community,
    beginnings.begins_at,
    beginnings.reason,
    coalesce(sum(days.records) filter (days.day < beginnings.begins_at), 0) as set_apart
from beginnings
left join days using (community)
group by all
