/*
id: N1
title: New contributors
chapter: newcomers
version: 2
summary: People whose first contribution ever falls in the window.
grain: [community, window_end]
unit: people
direction: neither
needs: [contributions]
minimum: 52 weeks of history before the window
reads: [core.first_seen, core.member_weeks, core.windows]
reference: CHAOSS, metric New Contributors.
reading: Who turns up. Read it beside what happens to them.
measure: {value: new_contributors, kind: people, counts: people}
columns:
  community: the community
  window_end: the evaluation, a Monday 00:00 UTC, exclusive
  new_contributors: people whose first contribution falls in the window, also when it was undone since; not measured where the window reaches into the archive's first 52 weeks
  new_contributors_share: new_contributors ÷ everybody who contributed in the window, undone or not
caveats:
  - In the first year of an archive everybody looks new, so nothing is said.
  - People first seen in the first 52 weeks of a platform that came later may be veterans and are left out, where no join is known.
  - A second, unlinked account of an old member is a new contributor.
*/
with counted as (
    select
        windows.community,
        windows.window_end,
        count(*) filter (first_seen.first_at >= windows.window_start) as new_contributors
    from core.windows
    join core.first_seen
        on first_seen.community = windows.community
        and first_seen.first_at >= windows.window_start
        and first_seen.first_at < windows.window_end
    where first_seen.actor_kind = 'human' and not first_seen.may_be_veteran
    group by all
), undone_only as (
    -- Who contributed in the window, and all of it was undone: in no other count of contributors.
    select windows.community, windows.window_end, member_weeks.member
    from core.windows
    join core.member_weeks
        on member_weeks.community = windows.community
        and member_weeks.week >= windows.week - windows.window_weeks
        and member_weeks.week < windows.week
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
    windows.community,
    windows.window_end,
    case when windows.has_history then coalesce(new_contributors, 0) end as new_contributors,
    case when windows.has_history then
        coalesce(new_contributors, 0) / nullif(windows.contributors + coalesce(tried.people, 0), 0)
    end as new_contributors_share
from core.windows
left join counted using (community, window_end)
left join tried using (community, window_end)
