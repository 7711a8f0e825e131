/*
summary: The spaces of each community in which something happened, closed weeks only.
grain: [community, platform, workspace, space]
reads: [core.interactions, landing.spaces]
columns:
  community: the community
  platform: the platform
  workspace: workspace, site or account on the platform
  space: channel, namespace or meeting series, as the platform numbers or names it
  title: name of the space for people, from `titles` in the settings; absent where they give none
  medium: wiki, chat or meeting
  visibility: who can read the space, public or members, by its latest interaction
  first_at: first interaction, naive UTC
  last_at: last interaction, naive UTC
  interactions: interactions of any kind
*/
with titles as (
    select distinct on (spaces.community, spaces.platform, seen.workspace, spaces.space)
        spaces.community,
        spaces.platform,
        seen.workspace,
        spaces.space,
        spaces.title
    from landing.spaces
    semi join building using (community)
    join (select distinct community, platform, workspace from core.interactions) as seen
        on seen.community = spaces.community and seen.platform = spaces.platform and seen.workspace glob spaces.workspace
    order by spaces.title
), active as (
    select
        community,
        platform,
        workspace,
        space,
        arg_max(medium, (occurred_at, event_id)) as medium,
        arg_max(visibility, (occurred_at, event_id)) as visibility,
        min(occurred_at) as first_at,
        max(occurred_at) as last_at,
        count(*) as interactions
    from core.interactions
    join building using (community)
    where week < week_of(as_of)
    group by all
)
select
    community,
    platform,
    workspace,
    space,
    titles.title,
    active.* exclude (community, platform, workspace, space)
from active
left join titles using (community, platform, workspace, space)
