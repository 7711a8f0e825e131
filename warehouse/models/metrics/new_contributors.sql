/*
id: N1
title: New contributors
chapter: newcomers
version: 3
summary: People whose first contribution ever falls in the 91 days before the evaluation.
grain: [community, window_end]
unit: people
direction: neither
needs: [contributions]
minimum: 52 weeks of history before the 91 days
reads: [core.first_seen, core.member_weeks, core.quarters]
reference: CHAOSS, metric New Contributors.
reading: Who turns up. Read it beside what happens to them.
sentences:
  up: More people contribute for the first time
  down: Fewer people contribute for the first time
  phrase: "{value} people contributed for the first time"
  ask: "How do people find the community?"
measure: {value: new_contributors, kind: people, counts: people, weeks: window_weeks}
columns:
  community: the community
  window_end: the evaluation, a Monday 00:00 UTC, exclusive
  window_weeks: weeks in the window, 13 at every evaluation
  new_contributors: people whose first contribution falls in the window, also when it was undone since; not measured where the window reaches into the archive's first 52 weeks
  new_contributors_share: new_contributors ÷ everybody who contributed in the window, undone or not
caveats:
  - In the first year of an archive everybody looks new, so it is not measured.
  - People first seen in the first 52 weeks of a platform that came later may be veterans and are left out, where no join is known.
  - A second, unlinked account of an old member is a new contributor.
*/
with counted as (
    select
        quarters.community,
        quarters.window_end,
        count(*) filter (first_seen.first_at >= quarters.window_start) as new_contributors
    from core.quarters
    join core.first_seen
        on first_seen.community = quarters.community
        and first_seen.first_at >= quarters.window_start
        and first_seen.first_at < quarters.window_end
    where first_seen.actor_kind = 'human' and not first_seen.may_be_veteran
    group by all
), undone_only as (
    -- Who contributed in the window, and all of it was undone: in no other count of contributors.
    select quarters.community, quarters.window_end, member_weeks.member
    from core.quarters
    join core.member_weeks
        on member_weeks.community = quarters.community
        and member_weeks.week >= quarters.week - quarters.window_weeks
        and member_weeks.week < quarters.week
    semi join (from core.member_weeks where undone > 0) as undoings
        on undoings.community = member_weeks.community and undoings.member = member_weeks.member
    group by all
    having sum(member_weeks.undone) > 0 and sum(member_weeks.contributions) = 0
), tried as (
    select community, window_end, count(*) as people
    from undone_only
    group by all
)
select
    quarters.community,
    quarters.window_end,
    quarters.window_weeks,
    case when quarters.has_history then coalesce(new_contributors, 0) end as new_contributors,
    case when quarters.has_history then
        coalesce(new_contributors, 0) / nullif(quarters.contributors + coalesce(tried.people, 0), 0)
    end as new_contributors_share
from core.quarters
left join counted using (community, window_end)
left join tried using (community, window_end)
