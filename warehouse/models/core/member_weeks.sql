/*
summary: What each person did in each closed week. The base of levels; contributions that were undone are counted apart.
grain: [community, member, week]
reads: [core.attendance, core.interactions, core.meeting_pieces, core.meetings, core.parameters]
columns:
  community: the community
  member: published pseudonym
  week: Monday of the week
  contributions: contributions that stand
  written: of the contributions those in chat or on a wiki, where help can be seen
  undone: wiki contributions that were undone within 48 hours
  attendances: meetings they were at
  small_meetings: of these meetings those small enough to tell of contact, see core.together
  hosted: meetings they hosted
  other_presence: reactions and thanks
  consumption: views and downloads, where a platform reports them
  joins: explicit joins of the community
  leaves: explicit leaves of the community
  first_at: first sign in the week, naive UTC
caveats:
  - Reverting and moderating are in none of these, and alone make no row.
*/
with acts as (
    select
        interactions.community,
        interactions.member,
        -- What somebody does in a meeting belongs to the meeting's week, also after midnight.
        coalesce(pieces.week, interactions.week) as week,
        interactions.is_contribution and not interactions.reverted as stands,
        interactions.medium,
        interactions.is_contribution and interactions.reverted as undone,
        interactions.verb,
        interactions.object_id,
        interactions.occurred_at
    from core.interactions
    join building using (community)
    left join core.meeting_pieces as pieces
        on pieces.community = interactions.community
        -- an equality, because a condition on one side alone makes a left join a nested loop
        and pieces.piece = if(interactions.medium = 'meeting', interactions.object_id, null)
    where coalesce(pieces.week, interactions.week) < week_of(building.as_of)
        and interactions.week < week_of(building.as_of)
        and interactions.actor_kind = 'human'
        and interactions.member is not null
        and not is_curation(interactions.verb)
        and (interactions.is_contribution or interactions.verb <> 'host') -- a right is no sign of anybody
), came as (
    select
        attendance.community,
        attendance.member,
        attendance.week,
        count(*) as attendances,
        count(*) filter (meetings.attendees <= together_people) as small_meetings,
        min(attendance.first_at) as first_at
    from core.attendance
    join core.meetings using (community, occurrence)
    join core.parameters using (community)
    group by all
), did as (
    select
        community,
        member,
        week,
        count(*) filter (stands) as contributions,
        count(*) filter (stands and medium in ('chat', 'wiki')) as written,
        count(*) filter (undone) as undone,
        count(distinct object_id) filter (verb = 'host') as hosted,
        count(*) filter (is_acknowledgement(verb)) as other_presence,
        count(*) filter (is_consumption(verb)) as consumption,
        count(*) filter (verb = 'join') as joins,
        count(*) filter (verb = 'leave') as leaves,
        min(occurred_at) as first_at
    from acts
    group by all
)
select
    community,
    member,
    week,
    coalesce(did.contributions, 0) as contributions,
    coalesce(did.written, 0) as written,
    coalesce(did.undone, 0) as undone,
    coalesce(came.attendances, 0) as attendances,
    coalesce(came.small_meetings, 0) as small_meetings,
    coalesce(did.hosted, 0) as hosted,
    coalesce(did.other_presence, 0) as other_presence,
    coalesce(did.consumption, 0) as consumption,
    coalesce(did.joins, 0) as joins,
    coalesce(did.leaves, 0) as leaves,
    least(did.first_at, came.first_at) as first_at
from did
full join came using (community, member, week)
