/*
summary: Threads that newcomers opened, people within their first days as contributors, and when somebody else first answered.
grain: [community, thread_id]
reads: [core.first_seen, core.parameters, core.threads]
columns:
  community: the community
  thread_id: the thread, as in core.threads
  starter: published pseudonym of the newcomer
  opened_at: when the thread was opened, naive UTC
  week: that Monday
  first_reply_at: first message after the opening by another person, naive UTC; absent where nobody answered
  watched_until: until when an answer is looked for, naive UTC; absent where that has no end
  inferred: whether the thread was inferred from silence, because the platform gives none
caveats:
  - A message in chat that addresses somebody opens no thread.
  - Threads of people who may be veterans (core.first_seen) are not in it.
*/
select
    threads.community,
    threads.thread_id,
    threads.starter,
    threads.opened_at,
    threads.week,
    threads.first_reply_at,
    threads.watched_until,
    threads.inferred
from core.threads
join core.parameters using (community)
join core.first_seen
    on first_seen.community = threads.community
    and first_seen.member = threads.starter
    and threads.opened_at < first_seen.first_at + to_days(parameters.newcomer_days)
where threads.starter_kind = 'human' and threads.is_opening and not first_seen.may_be_veteran
