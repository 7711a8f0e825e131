/*
id: N2
title: Newcomer welcome
chapter: newcomers
version: 3
summary: Of the threads that newcomers opened, the share that somebody else answered within 72 hours (7 days where the beat is 28 days or longer).
grain: [community, window_end]
unit: share of newcomers' threads
direction: higher is better
needs: [chat or wiki talk]
minimum: 20 newcomer threads of 5 people
reads: [core.newcomer_threads, core.newcomer_windows, core.parameters, landing.breaks]
reference: "Joyce & Kraut 2006 and Burke et al. 2007: 61 % of newcomers' first posts on Usenet were answered, and an answer raised the chance of a second post from 44 % to 56 %."
reading: What happens to somebody who turns up and asks. A fall while the community grows is easily missed, because every number of size still rises.
sentences:
  up: More newcomers are answered
  down: Newcomers are left without an answer
  phrase: "{value} threads of newcomers were answered in time"
  ask: "Who greets newcomers, and where do they land?"
measure: {value: newcomer_welcome_share, kind: share, numerator: answered_threads, denominator: newcomer_threads, low: newcomer_welcome_low, high: newcomer_welcome_high, effective: independent_threads, openers: openers, inferred: inferred_share, weeks: window_weeks, counts: threads, smallest: 20}
columns:
  community: the community
  window_end: the evaluation, a Monday 00:00 UTC, exclusive
  window_weeks: weeks in the window, 13, or 52 where 13 hold fewer than 20 such threads or fewer than 5 people who opened them, and 52 hold enough
  newcomer_threads: threads opened by somebody within 28 days of their first contribution, old enough to be judged, the time to answer outside announced breaks
  answered_threads: those that another person answered in time
  answered_week_threads: those that another person answered within 7 days, as far as is known at the evaluation
  openers: people who opened them
  independent_threads: effective sample size in threads, because those of one person are not independent; the interval rests on it
  newcomer_welcome_share: answered_threads ÷ newcomer_threads; not measured where nobody new opened a thread
  newcomer_welcome_low: lower end of Wilson's 95 % interval at the effective sample size
  newcomer_welcome_high: upper end of Wilson's 95 % interval at the effective sample size
  inferred_share: share of these threads that were inferred from silence, because the platform gives none
caveats:
  - Answers by private message are not seen.
  - Threads of people who may be veterans, because they are first seen in the first 52 weeks of the archive and no join is known, are not in it.
  - Newcomers who only reply to others are not in it.
  - A message in chat that addresses somebody opens no thread.
  - Where the platform has no threads, a conversation ends with the space's own usual silence. A later message in the space that names or answers the newcomer is an answer too.
*/
with windows as (
    select
        newcomer_windows.*,
        to_hours(newcomer_windows.patience_hours) as patience,
        to_days(parameters.answer_days) as within_week
    from core.newcomer_windows
    join core.parameters using (community)
), judged as (
    select
        windows.community,
        windows.window_end,
        threads.starter,
        threads.inferred,
        threads.first_reply_at <= threads.opened_at + patience as answered,
        threads.first_reply_at <= threads.opened_at + within_week and threads.first_reply_at < windows.window_end as answered_week
    from windows
    join core.newcomer_threads as threads
        on threads.community = windows.community
        and threads.opened_at >= windows.window_start
        and threads.opened_at < windows.window_end - patience
    anti join landing.breaks
        on breaks.community = threads.community
        and threads.opened_at < breaks.ends_at
        and threads.opened_at + patience > breaks.starts_at
), opened as (
    select
        community,
        window_end,
        starter,
        count(*) as threads,
        count(*) filter (answered) as answered,
        count(*) filter (answered_week) as answered_week,
        count(*) filter (inferred) as inferred
    from judged
    group by all
), counted as (
    select
        community,
        window_end,
        sum(threads) as newcomer_threads,
        sum(answered) as answered_threads,
        sum(answered_week) as answered_week_threads,
        sum(inferred) / sum(threads) as inferred_share,
        count(*) as openers,
        independent_threads(threads, answered) as independent_threads
    from opened
    group by all
)
select
    windows.community,
    windows.window_end,
    windows.window_weeks,
    cast(coalesce(newcomer_threads, 0) as bigint) as newcomer_threads,
    cast(coalesce(answered_threads, 0) as bigint) as answered_threads,
    cast(coalesce(answered_week_threads, 0) as bigint) as answered_week_threads,
    coalesce(openers, 0) as openers,
    independent_threads,
    answered_threads / newcomer_threads as newcomer_welcome_share,
    wilson_low(newcomer_welcome_share * independent_threads, independent_threads) as newcomer_welcome_low,
    wilson_high(newcomer_welcome_share * independent_threads, independent_threads) as newcomer_welcome_high,
    inferred_share
from core.newcomer_windows as windows
left join counted using (community, window_end)
