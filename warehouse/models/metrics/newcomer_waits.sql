/*
summary: How long each newcomer's thread of a window waited for its first answer, or has waited until the evaluation or until no answer is looked for any more.
grain: [community, window_end, thread_id]
materialized: view
reads: [core.newcomer_threads, core.newcomer_windows, landing.breaks]
columns:
  community: the community
  window_end: the evaluation, a Monday 00:00 UTC, exclusive
  thread_id: the thread
  starter: published pseudonym of the newcomer who opened it
  minutes: minutes until the answer; where there is none, until the evaluation or the moment from which no answer is looked for; at least one
  inferred: whether the thread was inferred from silence
  answered: whether another person answered before the evaluation
*/
select
    windows.community,
    windows.window_end,
    threads.thread_id,
    threads.starter,
    cast(greatest(
        1,
        date_diff(
            'minute',
            threads.opened_at,
            -- `least` leaves out what is absent: an answer, or an end of the looking.
            least(threads.first_reply_at, threads.watched_until, windows.window_end)
        )
    ) as integer) as minutes,
    threads.inferred,
    coalesce(threads.first_reply_at < windows.window_end, false) as answered
from core.newcomer_windows as windows
join core.newcomer_threads as threads
    on threads.community = windows.community
    and threads.opened_at >= windows.window_start
    and threads.opened_at < windows.window_end
anti join landing.breaks
    on breaks.community = threads.community
    and threads.opened_at >= breaks.starts_at
    and threads.opened_at < breaks.ends_at
