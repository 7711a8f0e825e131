/*
summary: Weeks in which nobody comes back to somebody in threads, though they speak there. A program that answers every question, or what is thrown in between.
grain: [community, member, week]
reads: [core.conversations, core.parameters]
columns:
  community: the community
  member: who speaks and is not answered
  week: Monday of the week
caveats:
  - Over core.parameters.turns_weeks, others speak again right after them less than half as often as chance would give, of at least core.parameters.unanswered_times times.
  - Chance is that the turns of a thread are by the same people in any order. In a thread of one turn each it gives none, so that such threads say nothing about anybody.
*/
with turns as (
    select community, thread_id, member, week, occurred_at, event_id
    from core.conversations
    where actor_kind = 'human' and member is not null and (not inferred or medium = 'wiki')
    qualify member is distinct from lag(member) over (partition by community, thread_id order by occurred_at, event_id)
), between as (
    select
        community,
        thread_id,
        member,
        week,
        lag(member) over story = lead(member) over story as comes_back
    from turns
    window story as (partition by community, thread_id order by occurred_at, event_id)
), own as (
    select
        community, thread_id, member,
        min(week) as week,
        count(*) as own,
        count(*) filter (comes_back) as times
    from between
    group by all
), threads as (
    select
        *,
        sum(own) over thread as total,
        sum(own * (own - 1)) over thread - own * (own - 1) as pairs_of_others
    from own
    window thread as (partition by community, thread_id)
), weekly as (
    select
        community, member, week,
        sum(times) as times,
        sum(millionths(own * pairs_of_others / (total * (total - own)))) as expected
    from threads
    where own < total
    group by all
)
select weekly.community, weekly.member, weekly.week
from weekly
join core.parameters using (community)
window lately as (
    partition by weekly.community, weekly.member order by weekly.week range between parameters.turns_weeks - 1 preceding and current row
)
qualify sum(expected) over lately >= 1e6 * unanswered_times
    and 2e6 * sum(times) over lately < sum(expected) over lately
