"""Membership: an account joins the workspace of a platform, or leaves it."""

from datetime import datetime

from events.identity import account_in_key
from events.interaction import ActorKind, Medium, ObjectKind
from events.verb import Verb
from pipelines.connector import Action


def membership(tenant: str, space: str, account: str, at: datetime, kind: ActorKind | None, *, joined: bool) -> Action:
    """The action; `space` is the name under which the platform's membership is mapped.

    The key of joining has no time, because an account joins once and some ways of reporting it give no time.
    """
    return Action(
        key=f"member:{account_in_key(account)}:" + ("joined" if joined else f"left:{int(at.timestamp())}"),
        tenant=tenant,
        space=space,
        medium=Medium.CHAT,
        occurred_at=at,
        verb=Verb.JOIN if joined else Verb.LEAVE,
        actor=account,
        actor_kind=kind or ActorKind.HUMAN,
        object_id=tenant,
        object_kind=ObjectKind.COMMUNITY,
    )
