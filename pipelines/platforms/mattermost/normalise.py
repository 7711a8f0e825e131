"""Mattermost: posts, replies and reactions, from outgoing webhooks and bulk exports.

What becomes of what:

* An export has no ids: a post is `<team>/<channel>:<milliseconds>:<account>`, which a webhook shows too, and an account is its
  user name. So live and past are one. The objects are keyed hashes, because they would name the account.
* The tenant is that of the source or of --tenant, otherwise `mattermost`: nothing names the server. A space is
  `<team>/<channel>`.
* A webhook shows no thread, so a reply is a post until an export shows that it answers. An edit or a deletion comes with an
  export only (`edit_at`, `delete_at`), and so do reactions, with their time.
* System posts (`system_join_channel`, joins that Mattermost combines, `system_header_change`, ...) carry a person's name and
  are not participation; nor are the posts of plugins (`custom_...`). `me` and an empty type are written by people.
* A post of a webhook carries the account of whoever made the webhook. It is a bot's, whose account is `webhook:` and the name
  that it shows; a bot account's post is a bot's. An app that posts for a person (`from_oauth_app`) posts as that person.
* An empty post without a file is what a deletion leaves: it is suppressed.
* Private channels, and direct messages, are private. A channel that no line of the export lists is `unknown_privacy`.
"""

from collections.abc import Iterator
from dataclasses import replace

from events.identity import account_in_key, name_account, title_object
from events.interaction import ActorKind, Medium, ObjectKind, SizeUnit
from events.outcome import Reason
from events.raw import RawEvent
from events.verb import Verb
from pipelines.connector import AccountSeen, Action, Found, Ignored
from pipelines.platforms.mattermost.export import EXPORTED, EXPORTED_OTHER, EXPORTED_USER, MATTERMOST
from pipelines.platforms.mattermost.payloads import Exported, Hook, Post, Root, User
from pipelines.shared.body_token import read_body
from pipelines.shared.links import links_in
from pipelines.shared.payload import at_milliseconds, read_object
from pipelines.shared.revisions import deleted, edited
from pipelines.shared.typed import names_in

_WRITTEN = frozenset({None, "", "me", "slack_attachment"})


def normalise(raw: RawEvent) -> Iterator[Found]:
    """The actions in a webhook's body or a record of an export. Raises ValueError for what is not Mattermost's."""
    tenant = raw.tenant or MATTERMOST
    if raw.type == EXPORTED:
        yield from _exported(tenant, Exported.model_validate(read_object(raw.payload)))
    elif raw.type == EXPORTED_USER:
        yield _account(tenant, User.model_validate(read_object(raw.payload)))
    elif raw.type == EXPORTED_OTHER:
        private = read_object(raw.payload).get("private") is True
        yield Ignored(Reason.PRIVATE if private else Reason.NOT_PARTICIPATION, tenant)
    else:
        yield _hooked(tenant, Hook.model_validate(read_body(raw.payload)))


def _hooked(tenant: str, hook: Hook) -> Found:
    if not hook.channel_name:
        return Ignored(Reason.UNKNOWN_PRIVACY, tenant)
    action = _about(tenant, f"{hook.team_domain}/{hook.channel_name}", Root(user=hook.user_name, create_at=hook.timestamp))
    return _with(action, hook.text)


def _exported(tenant: str, exported: Exported) -> Iterator[Found]:
    space, post = f"{exported.team}/{exported.channel}", exported.post
    if exported.closed:
        yield Ignored(Reason.PRIVATE, tenant)
    elif exported.unlisted or post is None:
        yield Ignored(Reason.UNKNOWN_PRIVACY, tenant, space)
    elif post.type not in _WRITTEN:
        yield Ignored(tenant=tenant, space=space)
    elif not post.message and not post.attachments and not (post.props and post.props.by_program) and not post.delete_at:
        yield Ignored(Reason.SUPPRESSED, tenant, space)
    else:
        yield from _written(tenant, space, post, exported.root)


def _written(tenant: str, space: str, post: Post, root: Root | None) -> Iterator[Found]:
    about = _by_program(_about(tenant, space, Root(user=post.user, create_at=post.create_at)), post)
    if root is not None:
        opening = _object(space, root)
        about = replace(about, verb=Verb.REPLY, thread_id=opening, reply_to_id=opening)
    if post.delete_at:
        yield deleted(about, f"{about.key}:delete", at_milliseconds(post.delete_at), post.delete_at)
        return
    written = _with(about, post.message)
    yield written
    if post.edit_at:
        yield edited(written, f"{about.key}:edit:{post.edit_at}", at_milliseconds(post.edit_at), post.edit_at)
    for reaction in post.reactions or ():
        yield replace(
            about,
            key=f"{about.key}:reaction:{account_in_key(f'{reaction.user}:{reaction.emoji_name}')}",
            occurred_at=at_milliseconds(reaction.create_at),
            verb=Verb.REACT,
            actor=reaction.user,
            actor_kind=ActorKind.HUMAN,
            thread_id=None,
            reply_to_id=about.object_id,
        )


def _object(space: str, post: Root) -> str:
    return title_object(f"{space}:{post.create_at}:{post.user}")


def _about(tenant: str, space: str, post: Root) -> Action:
    return Action(
        key=f"{space}:{post.create_at}:{account_in_key(post.user)}",
        tenant=tenant,
        space=space,
        medium=Medium.CHAT,
        occurred_at=at_milliseconds(post.create_at),
        verb=Verb.POST,
        actor=post.user,
        object_id=_object(space, post),
        object_kind=ObjectKind.MESSAGE,
    )


def _by_program(action: Action, post: Post) -> Action:
    props = post.props
    if props is None or not props.by_program:
        return action
    if props.from_webhook in {"true", True}:
        shown = props.override_username or props.webhook_display_name
        return replace(action, actor=f"webhook:{name_account(shown or post.user)}", actor_kind=ActorKind.BOT)
    return replace(action, actor_kind=ActorKind.BOT)


def _with(action: Action, text: str) -> Action:
    return replace(
        action, mentions=names_in(text), refs=links_in(text), size=len(text), size_unit=SizeUnit.CHARACTERS, text=text
    )


def _account(tenant: str, user: User) -> AccountSeen:
    return AccountSeen(
        tenant=tenant,
        native_id=user.username,
        seen_at=at_milliseconds(user.seen_at),
        handle=user.username,
        display_name=user.name,
        email=user.email or None,
        kind=ActorKind.BOT if user.bot else ActorKind.HUMAN,
    )
