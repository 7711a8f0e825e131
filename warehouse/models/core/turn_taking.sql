/*
summary: Who took turns with whom in which week. One speaks between two turns of the other in the same conversation (A, B, A), where no platform says who answers whom.
grain: [community, medium, member, other, week]
reads: [core.parameters, core.turns]
columns:
  community: the community
  medium: chat (without threads) or meeting
  member: one of the pair, whose pseudonym comes first
  other: the other one
  week: Monday of the week
  times: times that one of them spoke between two turns of the other
  member_between: how many of these times `member` spoke in between, which answers `other`
  other_between: the same for `other`
  expected_millionths: the times that chance would give, in millionths; whole numbers, so that every machine adds them up alike. Zero in meetings
caveats:
  - Speaking next to one another says nothing; in chat it happens by chance more often than not. Coming back to one another does.
  - Chance is that the messages of a space and day are by the same people in any order. Two people with a and b of n messages then alternate a(a−1)b ÷ n(n−b) + b(b−1)a ÷ n(n−a) times. The silences within the day are left out, so the expectation is on the high side.
  - Turns of somebody who takes turns no more often than chance, over core.parameters.turns_weeks and with everybody, count for nothing. A feed into a busy channel falls between the messages of many people, and is in touch with none.
  - Two people who are alone in a space for the day are expected to alternate, so such a day proves little.
  - A meeting is one conversation, and being in it is the act; there no chance is set against the turns.
checks:
  - name: order
    rule: Nobody takes turns with themselves, and each pair is named in one order.
    sql: select member from {table} where member >= other
*/
with changes_of_speaker as (
    select *
    from core.turns
    qualify member is distinct from lag(member) over (
        partition by community, medium, conversation order by occurred_at, event_id
    )
), in_order as (
    select
        community,
        medium,
        week,
        member as speaker,
        lag(member) over story as between_speaker,
        lag(member, 2) over story = member as comes_back
    from changes_of_speaker
    window story as (partition by community, medium, conversation order by occurred_at, event_id)
), alternating as (
    select
        community,
        medium,
        least(speaker, between_speaker) as member,
        greatest(speaker, between_speaker) as other,
        week,
        count(*) as times,
        count(*) filter (between_speaker < speaker) as member_between
    from in_order
    where comes_back and speaker <> '' and between_speaker <> ''
    group by all
), messages as (
    select community, space, day, week, member, count(*) as own
    from core.turns
    where medium = 'chat'
    group by community, space, day, week, member
), per_person as (
    select *, sum(own) over (partition by community, space, day) as total from messages
), of_days as (
    -- The sums of a day without one's own part give what chance expects of somebody with everybody, without a row for each pair.
    select
        *,
        sum(millionths(own / (total - own))) over of_day - millionths(own / (total - own)) as shares_of_others,
        sum(own * (own - 1)) over of_day - own * (own - 1) as pairs_of_others
    from per_person
    where own < total
    window of_day as (partition by community, space, day)
), expected_of_person as (
    select
        community,
        member,
        week,
        sum(millionths(own * (own - 1) / total * shares_of_others / 1e6 + own * pairs_of_others / (total * (total - own)))) as expected
    from of_days
    group by all
), persons as (
    select community, member, week, sum(times) as times, sum(expected) as expected
    from (
        select community, unnest([member, other]) as member, week, times, 0 as expected from alternating where medium = 'chat'
        union all
        select community, member, week, 0, expected from expected_of_person
    )
    group by all
), by_chance as (
    -- Weeks in which somebody, over these and the weeks before, took turns no more often than chance.
    select persons.community, persons.member, persons.week
    from persons
    join core.parameters using (community)
    window lately as (
        partition by persons.community, persons.member order by persons.week
        range between parameters.turns_weeks - 1 preceding and current row
    )
    qualify 1e6 * sum(times) over lately <= sum(expected) over lately
), pairs as (
    select alternating.community, member, other
    from alternating
    join core.parameters using (community)
    where medium = 'chat'
    group by all
    having sum(times) >= any_value(chat_turns)
), expected as (
    select
        pairs.community,
        pairs.member,
        pairs.other,
        one.week,
        sum(millionths(expected_turns(one.own, other.own, one.total))) as expected_millionths
    from pairs
    join per_person as one on one.community = pairs.community and one.member = pairs.member
    join per_person as other
        on other.community = pairs.community
        and other.member = pairs.other
        and other.space = one.space
        and other.day = one.day
    group by all
), counted as (
    select
        alternating.* exclude (times, member_between),
        if(lone.member is null and lone_other.member is null, times, 0) as times,
        if(lone.member is null and lone_other.member is null, member_between, 0) as member_between
    from alternating
    left join by_chance as lone
        on lone.community = alternating.community
        and lone.week = alternating.week
        and lone.member = if(alternating.medium = 'chat', alternating.member, null)
    left join by_chance as lone_other
        on lone_other.community = alternating.community
        and lone_other.week = alternating.week
        and lone_other.member = if(alternating.medium = 'chat', alternating.other, null)
    left join pairs
        on pairs.community = alternating.community and pairs.member = alternating.member and pairs.other = alternating.other
    where alternating.medium = 'meeting' or pairs.member is not null
), joined as (
    select community, medium, member, other, week, times, member_between, 0 as expected_millionths from counted
    union all
    select community, 'chat', member, other, week, 0, 0, expected_millionths from expected
)
select
    community,
    medium,
    member,
    other,
    week,
    cast(sum(times) as integer) as times,
    cast(sum(member_between) as integer) as member_between,
    cast(sum(times) - sum(member_between) as integer) as other_between,
    cast(sum(expected_millionths) as bigint) as expected_millionths
from joined
group by all
