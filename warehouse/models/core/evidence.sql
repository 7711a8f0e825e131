/*
summary: What each evaluation can rest on, as the kinds of data that had been seen by then. A metric whose data nothing has ever shown is not measured, and nothing about it is withheld.
grain: [community, window_end]
reads: [core.interactions, core.meetings, core.member_weeks, core.threads, core.windows]
columns:
  community: the community
  window_end: the evaluation, a Monday 00:00 UTC, exclusive
  needs: kinds of data seen before the evaluation, by the names that the headers of metrics use in `needs`
  presence: whether anything had shown people who are there without contributing, as attendance, reactions, reading and joins do
*/
with seen as (
    select community, min(week) as week, 'any interaction' as need from core.interactions group by all
    union all
    select community, min(week), 'contributions' from core.member_weeks where contributions > 0 or undone > 0 group by all
    union all
    select community, min(week), 'contributions or attendance' from core.member_weeks
    where contributions > 0 or undone > 0 or attendances > 0 group by all
    union all
    select community, min(week), unnest(['chat or wiki talk', 'replies or mentions']) from core.threads group by all
    union all
    select community, min(week), unnest(['meeting', 'replies or mentions']) from core.meetings group by all
    union all
    select community, min(week), 'presence' from core.member_weeks
    where attendances > 0 or other_presence > 0 or consumption > 0 or joins > 0 group by all
)
select
    windows.community,
    windows.window_end,
    coalesce(list(distinct seen.need order by seen.need) filter (seen.need <> 'presence'), []) as needs,
    coalesce(bool_or(seen.need = 'presence'), false) as presence
from core.windows
left join seen on seen.community = windows.community and seen.week < windows.week
group by all
