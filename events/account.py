"""Accounts: what a platform says of an account. Holds names: read by the identity store only."""

from pydantic import BaseModel, ConfigDict

from events.interaction import ActorKind, UtcMs


class Account(BaseModel):
    """What a platform said of an account, and when. Keyed by actor; the newest `seen_at` wins field by field."""

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
