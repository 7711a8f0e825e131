/*
summary: What two people did towards one another in a week, of all kinds that tell who is in touch or helped; pairs of whom something may follow.
grain: [low, high, week]
materialized: temporary
reads: [core.helps, core.ties, core.together, core.turn_taking, levels.people]
columns:
  community: the community
  low: number of one of the pair, the lower
  high: number of the other
  week: Monday of the week
  upward: whether `low` acted towards `high`
  downward: whether `high` acted towards `low`
  low_helped: whether `low` helped `high`
  high_helped: whether `high` helped `low`
  chat_turns: times that they took turns in chat without threads
  chance_millionths: the times that chance gives, in millionths
  low_between: how many of the turns are answers of `low`
  high_between: how many are answers of `high`
  meeting_turns: times that they took turns in meetings
  meetings: small meetings at which they were together
*/
with acts as (
    select community, member, to_member as other, week, true as tie, false as help, 0 as chat, 0 as chance, 0 as between_one,
        0 as between_other, 0 as spoken, 0 as meetings
    from core.ties
    union all
    select community, member, helped, week, false, true, 0, 0, 0, 0, 0, 0 from core.helps
    union all
    select
        community, member, other, week, false, false,
        if(medium = 'chat', times, 0), expected_millionths, if(medium = 'chat', member_between, 0), if(medium = 'chat', other_between, 0),
        if(medium = 'meeting', times, 0), 0
    from core.turn_taking
    union all
    select community, member, other, week, false, false, 0, 0, 0, 0, 0, meetings from core.together
), numbered as (
    select acts.*, first.person as one, second.person as two, first.person < second.person as up
    from acts
    join levels.people as first on first.community = acts.community and first.member = acts.member
    join levels.people as second on second.community = acts.community and second.member = acts.other
    where first.person <> second.person
), weekly as (
    select
        community,
        least(one, two) as low,
        greatest(one, two) as high,
        week,
        bool_or(tie and up) as upward,
        bool_or(tie and not up) as downward,
        bool_or(help and up) as low_helped,
        bool_or(help and not up) as high_helped,
        cast(sum(chat) as integer) as chat_turns,
        cast(sum(chance) as bigint) as chance_millionths,
        cast(sum(if(up, between_one, between_other)) as integer) as low_between,
        cast(sum(if(up, between_other, between_one)) as integer) as high_between,
        cast(sum(spoken) as integer) as meeting_turns,
        cast(sum(meetings) as integer) as meetings
    from numbered
    group by all
), telling as (
    select low, high
    from weekly
    group by all
    having (bool_or(upward) and bool_or(downward))
        or bool_or(low_helped or high_helped)
        or sum(chat_turns + meeting_turns + meetings) > 0
)
select weekly.*
from weekly
semi join telling using (low, high)
