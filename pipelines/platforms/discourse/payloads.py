"""Payloads: the parts of Discourse's serializers that are read, live and over REST."""

from typing import Annotated, Any

from pydantic import Field

from events.interaction import ActorKind
from pipelines.shared.payload import Moment, Part

REGULAR, MODERATOR, SMALL_ACTION, WHISPER = 1, 2, 3, 4
"""Types of posts."""
DISCOURSE = "discourse"
"""The account that is used where Discourse does not show who acts."""

Number = Annotated[int, Field(ge=0, lt=10**15)]
"""A native id."""
Account = Annotated[int, Field(gt=-(10**15), lt=10**15)]
"""The id of an account: negative for Discourse's own."""


def kind_of(account: int | None) -> ActorKind:
    """The kind of an account: Discourse's own programs have negative ids, and the first is the system."""
    if account is None or account >= 0:
        return ActorKind.HUMAN
    return ActorKind.SYSTEM if account == -1 else ActorKind.BOT


class Post(Part):
    """A post of a topic."""

    id: Number
    topic_id: Number
    post_number: Number
    post_type: int = REGULAR
    action_code: str | None = None
    user_id: Account | None = None
    username: str | None = None
    name: str | None = None
    created_at: Moment
    updated_at: Moment | None = None
    deleted_at: Moment | None = None
    user_deleted: bool = False
    hidden: bool = False
    version: int = 1
    reply_to_post_number: Number | None = None
    cooked: str | None = None
    category_id: Number | None = None
    topic_archetype: str | None = None


class PostHook(Part):
    """The body of an event of a post."""

    post: Post


class SolvedHook(Part):
    """The body of an accepted or unaccepted solution."""

    solved: Post


class User(Part):
    """An account."""

    id: Account
    username: str | None = None
    name: str | None = None
    email: str | None = None
    staged: bool | None = None
    created_at: Moment | None = None


class UserHook(Part):
    """The body of an event of an account."""

    user: User


class Like(Part):
    """A like of a post."""

    post: Post
    user: User


class LikeHook(Part):
    """The body of a like."""

    like: Like


class Exported(Part):
    """A post of a topic over REST, as `export.py` wraps it. `category` and `archetype` are its topic's."""

    category: Number | None = None
    archetype: str | None = None
    post: dict[str, Any]
