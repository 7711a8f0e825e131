/*
summary: A member's levels as intervals, with the reason at their beginning and what brought the change.
grain: [community, member, from_at]
reads: [core.windows, levels.evaluations]
columns:
  community: the community
  member: the member
  level: the level in the interval
  from_at: the evaluation with which it begins
  to_at: the evaluation with which the next begins, exclusive; absent for the last
  changed_by: what brought the change
  reason: the level in words at its beginning, with counts and bars
*/
select
    community,
    member,
    level,
    window_end as from_at,
    lead(window_end) over (partition by community, member order by window_end) as to_at,
    change as changed_by,
    level_in_words(evaluations, windows.beat_days) as reason
from levels.evaluations
join core.windows using (community, window_end)
where change is not null
