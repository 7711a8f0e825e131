/*
summary: Every action as it now is. One row per action, after revisions, deletions, moves and conflicts; undone wiki edits stay, marked.
grain: [community, event_id]
reads: [core.absent_hosts, core.connections, core.records, landing.kinds, landing.people]
refresh: now
columns:
  community: the community
  event_id: the action, the same through every source
  member: published pseudonym of who did it; absent where the account belongs to nobody who may be shown
  actor_kind: human, bot, system or anonymous (no account); a property of the account, as known now, for all of its records
  medium: wiki, chat or meeting
  platform: the platform it happened on
  workspace: workspace, site or account on the platform; of a space that workspaces share, its home
  space: channel, namespace or meeting series, after moves
  visibility: who can read the space, public or members
  occurred_at: when it happened, naive UTC; an edit does not move it
  week: Monday of its week
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
  - Of the revisions of one event the latest (revision, event_id) decides whether it is kept, the latest edit decides its content, the latest move its place.
checks:
  - name: before_now
    rule: Nothing is seen that happened at or after the moment of the build.
    sql: select event_id from {table} join building using (community) where occurred_at >= as_of
  - name: conflicts
    rule: No two records of one event and one capture differ in content.
    sql: select community, event_id from {table} where has_conflict
    severity: warn
    consequence: One record of each such event counts, always the same one; the others are left out.
    remedy: Sources that report one action differently cause this, or an export that was edited by hand. Import the platform's newest export again.
*/
with params as (
    select interval 48 hour as undone_within
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
    from core.records
    where not is_original
    group by all
), kept as (
    select
        records.* exclude (actor, space, visibility, thread_id, features, size, mentions, refs, started_at, ended_at),
        coalesce(connections.actor, records.actor) as actor,
        if(moved is null, records.space, moved.space) as space,
        if(moved is null, records.visibility, moved.visibility) as visibility,
        if(moved is null, records.thread_id, moved.thread_id) as thread_id,
        coalesce(edited.features, records.features) as features,
        coalesce(edited.size, records.size) as size,
        if(edited is null, records.mentions, edited.mentions) as mentions,
        if(edited is null, records.refs, edited.refs) as refs,
        coalesce(edited.started_at, records.started_at) as started_at,
        coalesce(edited.ended_at, records.ended_at) as ended_at,
        coalesce(changes.edits, 0) as edits
    from core.records
    left join changes using (community, event_id)
    left join core.connections using (community, object_id, connection)
    where records.is_original and coalesce(changes.latest_change, '') <> 'delete'
), undone as (
    select distinct edits.community, edits.event_id
    from kept as edits
    cross join params
    join kept as undoing
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
    from (select community, event_id, unnest(mentions) as actor from kept where len(mentions) > 0)
    join members using (community, actor)
    group by all
)
select
    kept.community,
    kept.event_id,
    members.member,
    coalesce(kinds.kind, kept.actor_kind) as actor_kind,
    kept.medium,
    kept.platform,
    kept.tenant as workspace,
    kept.space,
    kept.visibility,
    kept.occurred_at,
    week_of(kept.occurred_at) as week,
    kept.verb,
    is_contribution(kept.verb) and absent_hosts.member is null as is_contribution,
    undone.event_id is not null as reverted,
    kept.object_id,
    kept.object_kind,
    kept.thread_id,
    kept.reply_to_id,
    coalesce(addressed.mentions, []) as mentions,
    coalesce(kept.refs, []) as refs,
    kept.features.is_question as is_question,
    kept.features.thanks as thanks,
    kept.size,
    kept.size_unit,
    kept.started_at,
    kept.ended_at,
    kept.connection,
    kept.meeting_started_at,
    kept.edits,
    kept.has_conflict
from kept
join building using (community)
left join members using (community, actor)
left join landing.kinds using (actor)
left join addressed using (community, event_id)
left join undone using (community, event_id)
left join core.absent_hosts
    on absent_hosts.community = kept.community
    -- an equality, because a condition on one side alone makes a left join a nested loop
    and absent_hosts.object_id = if(kept.verb = 'host', kept.object_id, null)
    and absent_hosts.member = members.member
where since is null or kept.occurred_at >= since
