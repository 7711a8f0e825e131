/*
id: H1
title: Questions answered
chapter: help
version: 2
summary: Of the question threads, the share that another person answered within 7 days.
grain: [community, window_end]
unit: share of question threads
direction: higher is better
needs: [chat or wiki talk]
minimum: 20 question threads
reads: [core.parameters, core.threads, core.windows, landing.breaks]
reference: CHAOSS, metrics of response time.
reading: Whether people who ask get help.
measure: {value: response_rate_share, kind: share, numerator: answered_questions, denominator: questions, low: response_rate_low, high: response_rate_high, counts: threads, smallest: 20}
columns:
  community: the community
  window_end: the evaluation, a Monday 00:00 UTC, exclusive
  questions: question threads opened by people in the window moved back by 7 days, so that each is old enough to be judged; those whose 7 days touch an announced break are left out
  answered_questions: those answered by another person within 7 days
  response_rate_share: answered_questions ÷ questions; not measured where nobody asked
  response_rate_low: lower end of Wilson's 95 % interval
  response_rate_high: upper end of Wilson's 95 % interval
  inferred_share: share of these threads that were inferred from silence, because the platform gives none
caveats:
  - A thread asks where its opening does, or what the same person adds before anybody else writes. A message in chat that addresses somebody opens nothing.
  - Where the platform has no threads, a conversation ends with the space's own usual silence. A question in the middle of one is not counted, because nothing tells whose answer is to it. A later message in the space that names or answers who asked is an answer, also after the conversation ended.
  - Whether a text asks is read by simple rules when it arrives; some questions are missed and some are none.
  - An answer given elsewhere, or by private message, is not seen.
*/
with params as (
    select community, to_days(answer_days) as patience
    from core.parameters
), counted as (
    select
        windows.community,
        windows.window_end,
        count(*) as questions,
        avg(threads.inferred::integer) as inferred_share,
        count(*) filter (threads.first_reply_at <= threads.opened_at + patience) as answered_questions
    from core.windows
    join params using (community)
    join core.threads
        on threads.community = windows.community
        and threads.opened_at >= windows.window_start - patience
        and threads.opened_at < windows.window_end - patience
    anti join landing.breaks
        on breaks.community = threads.community
        and threads.opened_at < breaks.ends_at
        and threads.opened_at + patience > breaks.starts_at
    where threads.is_question and threads.is_opening and threads.starter_kind = 'human'
    group by all
)
select
    windows.community,
    windows.window_end,
    coalesce(questions, 0) as questions,
    coalesce(answered_questions, 0) as answered_questions,
    answered_questions / questions as response_rate_share,
    wilson_low(answered_questions, questions) as response_rate_low,
    wilson_high(answered_questions, questions) as response_rate_high,
    inferred_share
from core.windows
left join counted using (community, window_end)
