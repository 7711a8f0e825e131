"""Accounts: what a platform shows about an account. They hold names, so only the identity store reads them."""

from pydantic import BaseModel, ConfigDict

from events.interaction import ActorKind, UtcMs


class Account(BaseModel):
    """What a platform shows about an account, and when. The key is the actor; for each field the newest `seen_at` wins.

    `same_as` is the actor of another account that the platform itself states to be the same person's, as when it renames one.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    actor: str
    platform: str
    tenant: str
    native_id: str
    seen_at: UtcMs
    handle: str | None = None
    display_name: str | None = None
    email: str | None = None
    kind: ActorKind | None = None
    organisation: str | None = None
    same_as: str | None = None
