/*
summary: The levels of each community's last evaluation, and since when.
grain: [community, member]
reads: [core.windows, levels.evaluations, levels.history]
columns:
  community: the community
  member: the member
  window_end: the evaluation
  level: the level
  since: the evaluation with which it began
  changed_by: what brought it
  newcomer: tenure shorter than a window, of whoever cannot be a veteran
  returning: contributed in the window after at least a whole window without
  facilitator: facilitator by role, or hosted at least two meetings in the window
  sponsor_staff: sponsor or staff by role; reported separately
  reason: the level in words, with counts and bars
*/
select
    evaluations.community,
    evaluations.member,
    evaluations.window_end,
    evaluations.level,
    history.from_at as since,
    history.changed_by,
    evaluations.newcomer,
    evaluations."returning",
    evaluations.facilitator,
    evaluations.sponsor_staff,
    level_in_words(evaluations, latest.beat_days) as reason
from levels.evaluations
join (
    select community, max(window_end) as window_end, arg_max(beat_days, window_end) as beat_days from core.windows group by all
) as latest using (community, window_end)
join levels.history on history.community = evaluations.community and history.member = evaluations.member and history.to_at is null
