/*
summary: Turns in which nobody says whom they answer. Messages of chat without threads, and what is spoken in meetings, in their order.
grain: [community, event_id]
materialized: view
reads: [core.conversations, core.interactions, core.meeting_pieces]
columns:
  community: the community
  event_id: the turn
  medium: chat or meeting
  conversation: the conversation, as in core.threads, or the one meeting
  space: channel or meeting series
  day: day in UTC
  week: Monday of the message's week, or of the meeting's
  member: who spoke; empty where nobody may be shown
  occurred_at: when, naive UTC
caveats:
  - Turns of bots are left out, so who speaks after a bot follows the person before it.
*/
select
    community,
    event_id,
    medium,
    thread_id as conversation,
    space,
    cast(occurred_at as date) as day,
    week,
    coalesce(member, '') as member,
    occurred_at
from core.conversations
where inferred and medium = 'chat' and actor_kind = 'human'
union all
select
    interactions.community,
    interactions.event_id,
    interactions.medium,
    pieces.occurrence,
    pieces.series,
    cast(interactions.occurred_at as date),
    pieces.week,
    coalesce(interactions.member, ''),
    interactions.occurred_at
from core.interactions
join core.meeting_pieces as pieces on pieces.community = interactions.community and pieces.piece = interactions.object_id
where interactions.medium = 'meeting'
    and interactions.verb = 'speak'
    and interactions.actor_kind = 'human'
    and not interactions.reverted
