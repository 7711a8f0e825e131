"""Outcomes: the result of understanding each raw record, without content: a reason, a place, a hash."""

from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class Verdict(StrEnum):
    """The result of understanding one raw record."""

    UNDERSTOOD = "understood"
    IGNORED = "ignored"
    REJECTED = "rejected"


class Reason(StrEnum):
    """Why a record is ignored or rejected, which shows who can change that: nobody, an administrator, or a developer."""

    NOT_PARTICIPATION = "not_participation"
    UNMAPPED_SPACE = "unmapped_space"
    PRIVATE = "private"
    UNKNOWN_PRIVACY = "unknown_privacy"
    SUPPRESSED = "suppressed"
    OWN_BOT = "own_bot"
    UNDONE = "undone"
    BAD_ENVELOPE = "bad_envelope"
    UNKNOWN_PLATFORM = "unknown_platform"
    UNREADABLE_PAYLOAD = "unreadable_payload"
    NORMALISER_FAILED = "normaliser_failed"


IGNORED_REASONS = frozenset(
    {
        Reason.NOT_PARTICIPATION,
        Reason.UNMAPPED_SPACE,
        Reason.PRIVATE,
        Reason.UNKNOWN_PRIVACY,
        Reason.SUPPRESSED,
        Reason.OWN_BOT,
        Reason.UNDONE,
    }
)
REJECTED_REASONS = frozenset(Reason) - IGNORED_REASONS


class RecordOutcome(BaseModel):
    """The outcome of the raw record at (partition of the chunk, offset)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    offset: Annotated[int, Field(ge=0)]
    verdict: Verdict
    reason: Reason | None = None
    detail: str | None = Field(default=None, description="content-free: names of fields and kinds of error, never values")
    platform: str | None = None
    source: str | None = None
    raw_id: str | None = None
    import_id: str | None = Field(default=None, description="of an imported record: the import it came with")
    tenant: str | None = None
    space: str | None = Field(default=None, description="of an unmapped space; `guildhall sources` lists it")
    payload_hash: str | None = Field(default=None, description="of a rejected payload")
    interactions: int = 0
    accounts: int = 0
    normaliser_version: int = 0


class OutcomeChunk(BaseModel):
    """Outcomes of consecutive records of one raw partition: one record of the outcomes topic."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    partition: Annotated[int, Field(ge=0)]
    records: tuple[RecordOutcome, ...]
