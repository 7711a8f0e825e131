/*
id: N3
title: Newcomers' wait
chapter: newcomers
version: 1
summary: Median time until somebody else answers a newcomer's thread, by Kaplan and Meier.
grain: [community, window_end]
unit: hours
direction: lower is better
needs: [chat or wiki talk]
minimum: 20 newcomer threads
reads: [core.first_seen, core.threads, core.windows, landing.breaks]
reference: CHAOSS, metric Time to First Response; Kaplan & Meier 1958, band by log-log Greenwood.
reading: How long a newcomer waits. Threads that nobody answered are waiting still, and are not dropped.
measure: {value: newcomer_wait_hours, kind: hours, numerator: answered_threads, denominator: newcomer_threads, low: newcomer_wait_low_hours, high: newcomer_wait_high_hours, counts: threads, smallest: 20}
columns:
  community: the community
  window_end: the evaluation, a Monday 00:00 UTC, exclusive
  newcomer_threads: threads opened in the window by somebody within 28 days of their first contribution, and not in an announced break
  answered_threads: those answered by another person before the evaluation
  newcomer_wait_hours: median wait; not measured where fewer than half were answered
  newcomer_wait_low_hours: lower end of the 95 % band of the median
  newcomer_wait_high_hours: upper end of the 95 % band of the median; absent where the data give none
  newcomer_wait_p90_hours: wait that nine of ten do not exceed; not measured where fewer were answered
caveats:
  - In the archive's first weeks everybody looks new.
  - Who still waits when an announced break begins waits on through it.
  - Nights, weekends and time zones are in it.
  - Answers by private message are not seen.
*/
with params as (
    select interval 28 day as newcomer_for, 1.959963984540054 as z
), waits as (
    select
        windows.community,
        windows.window_end,
        coalesce(threads.first_reply_at < windows.window_end, false) as answered,
        greatest(
            1,
            date_diff(
                'minute',
                threads.opened_at,
                if(threads.first_reply_at < windows.window_end, threads.first_reply_at, windows.window_end)
            )
        ) as minutes
    from core.windows
    cross join params
    join core.threads
        on threads.community = windows.community
        and threads.opened_at >= windows.window_start
        and threads.opened_at < windows.window_end
    join core.first_seen
        on first_seen.community = threads.community
        and first_seen.member = threads.starter
        and threads.opened_at < first_seen.first_at + newcomer_for
    anti join landing.breaks
        on breaks.community = threads.community
        and threads.opened_at >= breaks.starts_at
        and threads.opened_at < breaks.ends_at
    where threads.starter_kind = 'human'
), steps as (
    select community, window_end, minutes, count(*) filter (answered) as answers, count(*) as threads
    from waits
    group by all
), at_risk as (
    select
        community,
        window_end,
        minutes,
        answers,
        sum(threads) over (partition by community, window_end order by minutes desc) as risk
    from steps
), curve as (
    select
        community,
        window_end,
        minutes,
        product(1 - answers / risk) over earlier as surviving,
        sum(if(risk > answers, answers / (risk * (risk - answers)), null)) over earlier as greenwood
    from at_risk
    window earlier as (partition by community, window_end order by minutes)
), banded as (
    select
        community,
        window_end,
        minutes,
        surviving,
        case
            when surviving >= 1 then 1.0
            when surviving <= 0 then 0.0
            else pow(surviving, exp(z * sqrt(greenwood) / abs(ln(surviving))))
        end as surviving_low,
        case
            when surviving >= 1 or surviving <= 0 then 1.0
            else pow(surviving, exp(-z * sqrt(greenwood) / abs(ln(surviving))))
        end as surviving_high
    from curve
    cross join params
), medians as (
    select
        community,
        window_end,
        min(minutes) filter (surviving <= 0.5 + 1e-12) / 60 as newcomer_wait_hours,
        min(minutes) filter (surviving_low <= 0.5 + 1e-12) / 60 as newcomer_wait_low_hours,
        min(minutes) filter (surviving_high <= 0.5 + 1e-12) / 60 as newcomer_wait_high_hours,
        min(minutes) filter (surviving <= 0.1 + 1e-12) / 60 as newcomer_wait_p90_hours
    from banded
    group by all
), counted as (
    select community, window_end, count(*) as newcomer_threads, count(*) filter (answered) as answered_threads
    from waits
    group by all
)
select
    windows.community,
    windows.window_end,
    coalesce(newcomer_threads, 0) as newcomer_threads,
    coalesce(answered_threads, 0) as answered_threads,
    newcomer_wait_hours,
    newcomer_wait_low_hours,
    newcomer_wait_high_hours,
    newcomer_wait_p90_hours
from core.windows
left join counted using (community, window_end)
left join medians using (community, window_end)
