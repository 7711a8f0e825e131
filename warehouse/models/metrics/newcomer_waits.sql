/*
summary: How long each newcomer's thread of a window waited for its first answer, or has waited until the evaluation.
grain: [community, window_end, thread_id]
materialized: view
reads: [core.newcomer_threads, core.windows, landing.breaks]
columns:
  community: the community
  window_end: the evaluation, a Monday 00:00 UTC, exclusive
  thread_id: the thread
  minutes: minutes until the answer, or until the evaluation where there is none; at least one
  answered: whether another person answered before the evaluation
*/
select
    windows.community,
    windows.window_end,
    threads.thread_id,
    cast(greatest(
        1,
        date_diff(
            'minute',
            threads.opened_at,
            if(threads.first_reply_at < windows.window_end, threads.first_reply_at, windows.window_end)
        )
    ) as integer) as minutes,
    coalesce(threads.first_reply_at < windows.window_end, false) as answered
from core.windows
join core.newcomer_threads as threads
    on threads.community = windows.community
    and threads.opened_at >= windows.window_start
    and threads.opened_at < windows.window_end
anti join landing.breaks
    on breaks.community = threads.community
    and threads.opened_at >= breaks.starts_at
    and threads.opened_at < breaks.ends_at
