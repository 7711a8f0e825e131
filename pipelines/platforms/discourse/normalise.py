"""Discourse: posts, likes, solutions and accounts, from webhooks, from `/posts.json` and from topics over REST.

What becomes of what, in every way:

* The tenant is that of the source or of --tenant, otherwise the host that sends. A space is a category. A post's key is its id,
  which stays when the post is moved; its object is `<topic>/<number>`, by which Discourse refers to it.
* The first post of a topic opens the thread; every other one answers the post whose number it gives, or else the first.
* Small actions (closed, split, pinned), and what a moderator's action wrote with a code, are not participation. Whispers are
  for the staff, hence private. A hidden post is suppressed; one that is hidden later is deleted, and comes back with its next
  edit. A post in a private message is private; without a category nobody can tell (`unknown_privacy`).
* post_edited is an edit. Discourse also sends it for other changes of a post, which revise it with the same content. A version
  above 1 in the past is one edit. A post with `deleted_at` or `user_deleted` is its own deletion. post_recovered restores.
* A moved post keeps its key, so the newest export decides its topic. A moved opening is a new post; the old one is deleted.
* When a topic is deleted, Discourse reports its first post only: the others stay. topic_* events repeat what posts show.
* post_liked is a reaction, with the time of receipt. accepted_solution resolves the topic; it names nobody, so Discourse
  itself resolves. unaccepted_solution takes it back.
* user_created is membership, in the space `site`; so is user_destroyed. A staged account came from an e-mail and joined
  nothing: it is anonymous. user_anonymized is ignored, so that the new name does not replace the old one.
* A post mentions user names, so a name is an account of its own (`name:`), which is the same person's as the id beside it.
* Logins, groups, categories, tags, badges, flags, notifications, votes, assignments, Discourse's chat and every other event
  are ignored.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from events.identity import account_in_key, name_account
from events.interaction import ActorKind, Change, Medium, ObjectKind, SizeUnit
from events.outcome import Reason
from events.raw import RawEvent
from events.verb import Verb
from pipelines.connector import AccountSeen, Action, Found, Ignored, UnreadableError
from pipelines.platforms.discourse import payloads
from pipelines.platforms.discourse.markup import read_cooked
from pipelines.platforms.discourse.payloads import DISCOURSE, Post, User, kind_of
from pipelines.shared.membership import membership
from pipelines.shared.payload import milliseconds_of, read_object
from pipelines.shared.revisions import deleted, edited

SITE = "site"
"""The space of what concerns the whole site."""
_PRIVATE_MESSAGE = "private_message"


def normalise(raw: RawEvent) -> Iterator[Found]:
    """The actions in a webhook's body or in a post over REST. Raises ValueError for what is not Discourse's."""
    payload, tenant = read_object(raw.payload), raw.tenant or DISCOURSE
    now = raw.time or raw.received_at
    match raw.type.partition(".")[2]:
        case "rest.topic":
            exported = payloads.Exported.model_validate(payload)
            own = {"category_id": exported.category, "topic_archetype": exported.archetype}
            yield from _post(tenant, Post.model_validate(exported.post | own))
        case "rest.post" | "post_created":
            yield from _post(tenant, payloads.PostHook.model_validate(payload).post)
        case "post_edited" | "post_destroyed" | "post_recovered" as what:
            yield _changed(tenant, what, payloads.PostHook.model_validate(payload).post, now)
        case "post_liked":
            yield from _liked(tenant, payloads.LikeHook.model_validate(payload).like, now)
        case "accepted_solution" | "unaccepted_solution" as what:
            yield _solved(tenant, payloads.SolvedHook.model_validate(payload).solved, now, taken_back=what[0] == "u")
        case "user_created" | "user_destroyed" | "user_updated" as what:
            yield from _user(tenant, what, payloads.UserHook.model_validate(payload).user, now)
        case _:
            yield Ignored(tenant=tenant)


def _unread(tenant: str, post: Post) -> Ignored | None:
    """Why a post is not read, where it is not."""
    if post.topic_archetype == _PRIVATE_MESSAGE or post.post_type == payloads.WHISPER:
        return Ignored(Reason.PRIVATE, tenant)
    space = None if post.category_id is None else str(post.category_id)
    if post.post_type not in {payloads.REGULAR, payloads.MODERATOR} or post.action_code:
        return Ignored(tenant=tenant, space=space)
    return None if space else Ignored(Reason.UNKNOWN_PRIVACY, tenant)


def _post(tenant: str, post: Post) -> Iterator[Found]:
    ignored = _unread(tenant, post)
    if ignored is None and (post.deleted_at or post.user_deleted):
        yield _gone(tenant, post, post.deleted_at or post.updated_at or post.created_at)
    elif ignored is None and post.hidden:
        yield Ignored(Reason.SUPPRESSED, tenant, str(post.category_id))
    elif ignored is not None:
        yield ignored
    else:
        written = _written(tenant, post)
        yield written
        if post.version > 1 and post.updated_at:
            yield _edit(written, post.updated_at)
        if post.user_id is not None:
            yield from _accounts(tenant, User(id=post.user_id, username=post.username, name=post.name), post.created_at)


def _changed(tenant: str, what: str, post: Post, now: datetime) -> Found:
    ignored = _unread(tenant, post)
    if ignored is not None:
        return ignored
    at = post.updated_at or now
    if what == "post_destroyed" or post.deleted_at or post.user_deleted or post.hidden:
        return _gone(tenant, post, post.deleted_at or at)
    written = _written(tenant, post)
    if what == "post_edited":
        return _edit(written, at)
    revision = milliseconds_of(at)
    restored = edited(written, f"{written.key}:restore:{revision}", at, revision)
    return replace(restored, change=Change.RESTORE)


def _gone(tenant: str, post: Post, at: datetime) -> Action:
    original = _about(tenant, post)
    return deleted(original, f"{original.key}:delete:{milliseconds_of(at)}", at, milliseconds_of(at))


def _edit(written: Action, at: datetime) -> Action:
    return edited(written, f"{written.key}:edit:{milliseconds_of(at)}", at, milliseconds_of(at))


def _about(tenant: str, post: Post) -> Action:
    if post.user_id is None and not (post.username and post.username.strip()):
        raise UnreadableError("a post without user_id and username")
    account = str(post.user_id) if post.user_id is not None else name_account(post.username or "")
    opening = f"{post.topic_id}/1"
    opens = post.post_number <= 1
    return Action(
        key=f"post:{post.id}",
        tenant=tenant,
        space=str(post.category_id),
        medium=Medium.CHAT,
        occurred_at=post.created_at,
        verb=Verb.POST if opens else Verb.REPLY,
        actor=account,
        actor_kind=kind_of(post.user_id),
        object_id=f"{post.topic_id}/{post.post_number}",
        object_kind=ObjectKind.MESSAGE,
        thread_id=opening,
        reply_to_id=None if opens else f"{post.topic_id}/{post.reply_to_post_number or 1}",
    )


def _written(tenant: str, post: Post) -> Action:
    content = read_cooked(post.cooked or "")
    return replace(
        _about(tenant, post),
        mentions=tuple(map(name_account, content.mentions)),
        refs=content.refs,
        size=content.size,
        size_unit=SizeUnit.CHARACTERS,
        text=content.own,
    )


def _accounts(tenant: str, user: User, at: datetime, kind: ActorKind | None = None) -> Iterator[AccountSeen]:
    """The account, and the same account by its name, by which posts mention it."""
    if not user.username:
        return
    seen = AccountSeen(
        tenant=tenant,
        native_id=str(user.id),
        seen_at=at,
        handle=user.username,
        display_name=user.name or None,
        email=user.email or None,
        kind=kind or (None if user.id >= 0 else kind_of(user.id)),
    )
    yield seen
    yield AccountSeen(
        tenant=tenant, native_id=name_account(user.username), seen_at=at, handle=user.username, same_as=seen.native_id
    )


def _liked(tenant: str, like: payloads.Like, now: datetime) -> Iterator[Found]:
    ignored = _unread(tenant, like.post)
    if ignored is not None:
        yield ignored
        return
    liked, account = _about(tenant, like.post), str(like.user.id)
    yield replace(
        liked,
        key=f"{liked.key}:like:{account_in_key(account)}",
        occurred_at=now,
        verb=Verb.REACT,
        actor=account,
        actor_kind=kind_of(like.user.id),
        thread_id=None,
        reply_to_id=liked.object_id,
    )
    yield from _accounts(tenant, like.user, now)


def _solved(tenant: str, post: Post, now: datetime, *, taken_back: bool) -> Found:
    ignored = _unread(tenant, post)
    if ignored is not None:
        return ignored
    answer = _about(tenant, post)
    solved = replace(
        answer,
        key=f"{answer.key}:solution",
        occurred_at=now,
        verb=Verb.RESOLVE,
        actor=DISCOURSE,
        actor_kind=ActorKind.SYSTEM,
        reply_to_id=None,
    )
    return deleted(solved, f"{solved.key}:{milliseconds_of(now)}", now, milliseconds_of(now)) if taken_back else solved


def _user(tenant: str, what: str, user: User, now: datetime) -> Iterator[Found]:
    joined = what == "user_created"
    if what != "user_updated" and not user.staged:
        at = (user.created_at or now) if joined else now
        yield membership(tenant, SITE, str(user.id), at, kind_of(user.id), joined=joined)
    if what == "user_destroyed" or not user.username:
        yield Ignored(tenant=tenant)
    else:
        yield from _accounts(tenant, user, now, ActorKind.ANONYMOUS if user.staged else None)
