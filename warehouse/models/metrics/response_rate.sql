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
minimum: 20 question threads of 5 people
reads: [core.parameters, core.quarters, core.threads, landing.breaks]
reference: CHAOSS, metrics of response time.
reading: Whether people who ask get help.
sentences:
  up: More questions are answered
  down: More questions stay without an answer
  phrase: "{value} questions were answered within a week"
  ask: "Which questions stay open, and who could answer them?"
measure: {value: response_rate_share, kind: share, numerator: answered_questions, denominator: questions, low: response_rate_low, high: response_rate_high, effective: independent_threads, openers: openers, inferred: inferred_share, weeks: window_weeks, counts: threads, smallest: 20}
columns:
  community: the community
  window_end: the evaluation, a Monday 00:00 UTC, exclusive
  window_weeks: weeks in the window, 13 at every evaluation
  questions: question threads opened by people in the window moved back by 7 days, so that each is old enough to be judged; those whose 7 days touch an announced break are left out
  answered_questions: those answered by another person within 7 days
  openers: people who opened them
  independent_threads: effective sample size in threads, because those of one person are not independent; the interval rests on it
  response_rate_share: answered_questions ÷ questions; not measured where nobody asked
  response_rate_low: lower end of Wilson's 95 % interval at the effective sample size
  response_rate_high: upper end of Wilson's 95 % interval at the effective sample size
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
), opened as (
    select
        windows.community,
        windows.window_end,
        threads.starter,
        count(*) as threads,
        count(*) filter (threads.inferred) as inferred,
        count(*) filter (threads.first_reply_at <= threads.opened_at + patience) as answered
    from core.quarters as windows
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
), counted as (
    select
        community,
        window_end,
        sum(threads) as questions,
        sum(answered) as answered_questions,
        sum(inferred) / sum(threads) as inferred_share,
        count(*) as openers,
        independent_threads(threads, answered) as independent_threads
    from opened
    group by all
)
select
    quarters.community,
    quarters.window_end,
    quarters.window_weeks,
    cast(coalesce(questions, 0) as bigint) as questions,
    cast(coalesce(answered_questions, 0) as bigint) as answered_questions,
    coalesce(openers, 0) as openers,
    independent_threads,
    answered_questions / questions as response_rate_share,
    wilson_low(response_rate_share * independent_threads, independent_threads) as response_rate_low,
    wilson_high(response_rate_share * independent_threads, independent_threads) as response_rate_high,
    inferred_share
from core.quarters
left join counted using (community, window_end)
