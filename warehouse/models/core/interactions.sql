/*
summary: What stands. One row for each thing somebody did, after revisions, deletions, moves and conflicts; undone wiki edits stay, marked.
grain: [community, event_id]
reads: [core.absent_hosts, core.connections, core.beginnings, landing.interactions, landing.kinds, landing.people]
refresh: now
columns:
  community: the community
  event_id: the action, the same through every source
  member: published pseudonym of who did it; absent where the account belongs to nobody who may be shown
  actor_kind: human, bot, system or anonymous (no account); a property of the account, as known now, for all of its records
  medium: wiki, chat or meeting
  platform: the platform it happened on
  space: channel, namespace or meeting series, after moves
  visibility: who can read the space, public or members
  occurred_at: when it happened, naive UTC; an edit does not move it
  week: number of its Monday
  verb: what was done
  is_contribution: whether the verb is one of those that contribute; hosting is none by whoever was not seen there
  reverted: whether it is a wiki contribution that somebody undid within 48 hours
  object_id: what it was done to
  object_kind: message, page, file, meeting or community
  thread_id: the explicit thread, where the platform gives one, after moves
  reply_to_id: the object or event answered, thanked or undone
  mentions: members addressed, each once, in order of their pseudonyms
  refs: objects and links referred to
  is_question: whether the text asks, by its latest edit; absent where no text was seen
  thanks: whether the text thanks, by its latest edit; absent where no text was seen
  size: how much, in size_unit
  size_unit: characters, bytes or words
  started_at: attendance and meetings, when it began, where known
  ended_at: attendance and meetings, when it ended, where known
  connection: attendance, the platform's id of the connection, within the meeting
  meeting_started_at: attendance, when the meeting began, where the platform states it
  edits: edits that this row has taken in
  has_conflict: whether records of the same event and the same capture differ in content
caveats:
  - A revision whose original never came is no contribution; nor is a record that is only a deletion.
  - Of the revisions of one event the latest (revision, event_id) says whether it stands, the latest edit what it says, the latest move where.
checks:
  - name: before_now
    says: Nothing is seen that happened at or after the moment of the build.
    sql: select event_id from {table} join building using (community) where occurred_at >= as_of
  - name: conflicts
    says: No two records of one event and one capture differ in content.
    sql: select event_id from {table} where has_conflict
    severity: warn
*/
with params as (
    select interval 48 hour as undone_within
), open_week as (
    -- In the open week only what its own records touch is looked at; without `since` this is empty and everything is.
    select community, unnest([event_id, revises]) as event_id
    from landing.interactions
    join building using (community)
    where occurred_at >= since and occurred_at < as_of
), touched as (
    select distinct community, event_id from open_week where event_id is not null
), landed as (
    select interactions.*
    from landing.interactions
    join building using (community)
    left join core.beginnings using (community)
    where occurred_at < as_of
        and (begins_at is null or occurred_at >= begins_at)
        and (
            since is null
            or (community, event_id) in (select (community, event_id) from touched)
            or (community, revises) in (select (community, event_id) from touched)
        )
), told as (
    -- Of the records of one event: the higher normaliser version, then the newer capture (a live record shows its own moment),
    -- then the later import, then the smaller content hash. So an export replaces all that an older one shows.
    select
        *,
        min(content_hash) over records <> max(content_hash) over records as has_conflict,
        -- A wiki's edit is a contribution of its own, also where it names the edit before it.
        revises is null or (medium = 'wiki' and change = 'edit') as is_original
    from landed
    window records as (partition by community, event_id, captured_at)
    qualify row_number() over (
        partition by community, event_id
        order by
            normaliser_version desc,
            coalesce(captured_at, occurred_at) desc,
            if(captured_at is null, -1, raw."offset") desc,
            content_hash
    ) = 1
), changes as (
    select
        community,
        revises as event_id,
        arg_max(change, (coalesce(revision, -1), event_id)) as latest_change,
        arg_max(
            struct_pack(features, size, mentions, refs, started_at, ended_at), (coalesce(revision, -1), event_id)
        ) filter (change = 'edit') as edited,
        arg_max(struct_pack(space, visibility, thread_id), (coalesce(revision, -1), event_id)) filter (change = 'move') as moved,
        count(*) filter (change = 'edit') as edits
    from told
    where not is_original
    group by all
), standing as (
    select
        told.* exclude (actor, space, visibility, thread_id, features, size, mentions, refs, started_at, ended_at),
        coalesce(connections.actor, told.actor) as actor,
        if(moved is null, told.space, moved.space) as space,
        if(moved is null, told.visibility, moved.visibility) as visibility,
        if(moved is null, told.thread_id, moved.thread_id) as thread_id,
        coalesce(edited.features, told.features) as features,
        coalesce(edited.size, told.size) as size,
        if(edited is null, told.mentions, edited.mentions) as mentions,
        if(edited is null, told.refs, edited.refs) as refs,
        coalesce(edited.started_at, told.started_at) as started_at,
        coalesce(edited.ended_at, told.ended_at) as ended_at,
        coalesce(changes.edits, 0) as edits
    from told
    left join changes using (community, event_id)
    left join core.connections using (community, object_id, connection)
    where told.is_original and coalesce(changes.latest_change, '') <> 'delete'
), undone as (
    select distinct edits.community, edits.event_id
    from standing as edits
    cross join params
    join standing as undoing
        on undoing.community = edits.community
        and undoing.reply_to_id = edits.event_id
        and undoing.occurred_at between edits.occurred_at and edits.occurred_at + params.undone_within
    where undoing.verb = 'revert' and edits.medium = 'wiki' and is_contribution(edits.verb)
), members as (
    select community, actor, min(member) as member
    from landing.people
    semi join building using (community)
    group by all
), addressed as (
    select community, event_id, list(distinct member order by member) as mentions
    from (select community, event_id, unnest(mentions) as actor from standing where len(mentions) > 0)
    join members using (community, actor)
    group by all
)
select
    standing.community,
    standing.event_id,
    members.member,
    coalesce(kinds.kind, standing.actor_kind) as actor_kind,
    standing.medium,
    standing.platform,
    standing.space,
    standing.visibility,
    standing.occurred_at,
    week_of(standing.occurred_at) as week,
    standing.verb,
    is_contribution(standing.verb) and absent_hosts.member is null as is_contribution,
    undone.event_id is not null as reverted,
    standing.object_id,
    standing.object_kind,
    standing.thread_id,
    standing.reply_to_id,
    coalesce(addressed.mentions, []) as mentions,
    coalesce(standing.refs, []) as refs,
    standing.features.is_question as is_question,
    standing.features.thanks as thanks,
    standing.size,
    standing.size_unit,
    standing.started_at,
    standing.ended_at,
    standing.connection,
    standing.meeting_started_at,
    standing.edits,
    standing.has_conflict
from standing
join building using (community)
left join members using (community, actor)
left join landing.kinds using (actor)
left join addressed using (community, event_id)
left join undone using (community, event_id)
left join core.absent_hosts
    on standing.verb = 'host'
    and absent_hosts.community = standing.community
    and absent_hosts.object_id = standing.object_id
    and absent_hosts.member = members.member
where since is null or standing.occurred_at >= since
