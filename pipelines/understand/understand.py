"""Understanding: from the bytes of a raw record to its outcome. A pure function that never raises."""

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from events.account import Account
from events.communities import Communities
from events.identity import actor_id, event_id, keyed_link, object_id
from events.interaction import Interaction, RawPosition
from events.limits import MAX_CHARACTERS
from events.outcome import Reason, RecordOutcome, Verdict
from events.raw import BadEnvelopeError, RawEvent
from events.source import SourceKind, parse
from pipelines.connector import AccountSeen, Action, Handshake, Ignored, Platform, UnreadableError
from pipelines.understand import features

MOST_FUTURE = timedelta(hours=24)
MOST_PAST = timedelta(days=400)
"""How far from its receipt an event of a live source may have happened. Events of imports may be of any age."""
MOST_DOMAIN_LABELS = 2
_FIELD_NAME = re.compile(r"[A-Za-z_$][A-Za-z0-9_$.-]{0,59}")

# The same as `Model(**fields)` with two calls less, on the path that runs most often.
_validated: Callable[[dict[str, object]], Interaction] = Interaction.__pydantic_validator__.validate_python
_validated_outcome: Callable[[dict[str, object]], RecordOutcome] = RecordOutcome.__pydantic_validator__.validate_python
_COPIED_FIELDS = (
    "change",
    "revision",
    "size",
    "size_unit",
    "started_at",
    "ended_at",
    "connection",
    "meeting_started_at",
    "features",
)


@dataclass(frozen=True, slots=True)
class Context:
    """Everything besides the record on which its outcome depends."""

    key: bytes
    communities: Communities
    platforms: Mapping[str, Platform]
    tenants: Mapping[str, str] = field(default_factory=dict)
    """Address of a source that others post to -> the one tenant that it may send events of."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of one raw record, with the interactions and accounts that follow from it."""

    record: RecordOutcome
    interactions: tuple[Interaction, ...] = ()
    accounts: tuple[Account, ...] = ()


class _OutOfRangeError(ValueError):
    pass


class _NotAllowedError(Exception):
    """The record claims what its source may not decide."""


def understand(
    value: bytes | None, headers: Iterable[tuple[str, bytes]], partition: int, offset: int, context: Context
) -> Outcome:
    """Return the outcome of one record of the raw topic, whatever its bytes are."""
    position = RawPosition(partition=partition, offset=offset)
    try:
        raw = RawEvent.from_record(value, headers, position)
    except BadEnvelopeError as error:
        return _rejected(offset, Reason.BAD_ENVELOPE, str(error), value)
    platform = context.platforms.get(raw.platform)
    if platform is None:
        return _rejected(offset, Reason.UNKNOWN_PLATFORM, "no such platform", value, raw)
    if parse(raw.source).kind is SourceKind.EMIT and not platform.emits:
        # The gateway refuses such an event; one that goes straight to Kafka arrives here.
        return _rejected(offset, Reason.BAD_ENVELOPE, f"ce_type: {platform.slug} does not emit", value, raw, platform)
    if raw.fault is not None:
        return _rejected(offset, Reason.UNREADABLE_PAYLOAD, raw.fault, value, raw, platform)
    try:
        return _understood(raw, position, platform, context)
    except ValidationError as error:  # before ValueError, because it is one
        return _rejected(offset, Reason.UNREADABLE_PAYLOAD, _fields(error), value, raw, platform)
    except (UnreadableError, _OutOfRangeError) as error:
        return _rejected(offset, Reason.UNREADABLE_PAYLOAD, str(error), value, raw, platform)
    except _NotAllowedError as error:
        return _rejected(offset, Reason.BAD_ENVELOPE, str(error), value, raw, platform)
    except (ValueError, RecursionError):
        return _rejected(offset, Reason.UNREADABLE_PAYLOAD, "not the JSON or text it should be", value, raw, platform)
    except Exception as error:  # noqa: BLE001 - a normaliser may fail in any way, and no record may stop a partition
        return _rejected(offset, Reason.NORMALISER_FAILED, type(error).__name__, value, raw, platform)


def _understood(raw: RawEvent, position: RawPosition, platform: Platform, context: Context) -> Outcome:
    interactions: list[Interaction] = []
    accounts: list[Account] = []
    handshake = False
    ignored: Ignored | None = None
    for found in platform.normalise(raw):
        _check_tenant(found, raw, context)
        match found:
            case Action():
                made = _interaction(found, raw, position, platform, context)
                if isinstance(made, Interaction):
                    interactions.append(made)
                else:
                    ignored = ignored or made
            case AccountSeen():
                accounts.append(_account(found, platform, context))
            case Ignored():
                ignored = ignored or found
            case Handshake():
                handshake = True
    understood = bool(interactions) or handshake or (bool(accounts) and ignored is None)
    record: dict[str, object] = {
        "offset": position.offset,
        "verdict": Verdict.UNDERSTOOD if understood else Verdict.IGNORED,
        "platform": platform.slug,
        "source": raw.source,
        "raw_id": raw.id,
        "import_id": raw.import_id,
        "interactions": len(interactions),
        "accounts": len(accounts),
        "normaliser_version": platform.version,
    }
    if not understood:
        ignored = ignored or Ignored()
        record |= {"reason": ignored.reason, "tenant": _short(ignored.tenant), "space": _short(ignored.space)}
    return Outcome(_validated_outcome(record), tuple(interactions), tuple(accounts))


def _interaction(
    action: Action, raw: RawEvent, position: RawPosition, platform: Platform, context: Context
) -> Interaction | Ignored:
    tenant, slug = action.tenant, platform.slug
    if parse(raw.source).is_live:
        _check_age(action.occurred_at, raw.received_at)
    mapped = context.communities.of(slug, tenant, action.space, action.occurred_at)
    if raw.community and mapped and raw.community != mapped:
        # Else the space would count in both.
        raise _NotAllowedError(f"ce_community: not {mapped}, to which the settings give this space")
    community = mapped or raw.community
    if community is None:
        return Ignored(Reason.UNMAPPED_SPACE, tenant, action.space)
    return _validated(_fields_of(action, community, raw, position, platform, context.key))


def _fields_of(
    action: Action, community: str, raw: RawEvent, position: RawPosition, platform: Platform, key: bytes
) -> dict[str, object]:
    """Return the fields of an interaction that have a value. A field that is left out costs no validation."""
    tenant, slug = action.tenant, platform.slug
    found: dict[str, object] = {
        "event_id": event_id(key, slug, tenant, action.key),
        "platform": slug,
        "tenant": tenant,
        "medium": action.medium,
        "community": community,
        "space": action.space,
        "visibility": action.visibility,
        "occurred_at": action.occurred_at,
        "verb": action.verb,
        "actor": actor_id(key, slug, tenant, action.actor),
        "actor_kind": action.actor_kind,
        "object_id": object_id(key, slug, tenant, action.object_id),
        "object_kind": action.object_kind,
        "raw": position,
        "normaliser_version": platform.version,
    }
    if raw.captured_at is not None:
        found["captured_at"] = raw.captured_at
    if action.thread_id:
        found["thread_id"] = object_id(key, slug, tenant, action.thread_id)
    if action.reply_to_id:
        found["reply_to_id"] = object_id(key, slug, tenant, action.reply_to_id)
    if action.revises:
        found["revises"] = event_id(key, slug, tenant, action.revises)
    if action.mentions:
        found["mentions"] = tuple(actor_id(key, slug, tenant, account) for account in dict.fromkeys(action.mentions))
    if action.refs:
        found["refs"] = tuple(_ref(key, slug, tenant, ref) for ref in dict.fromkeys(action.refs))
    for name in _COPIED_FIELDS:
        if (value := getattr(action, name)) is not None:
            found[name] = value
    if action.text is not None:
        found["features"] = features.read(action.text)
    return found


def _account(seen: AccountSeen, platform: Platform, context: Context) -> Account:
    return Account(
        actor=actor_id(context.key, platform.slug, seen.tenant, seen.native_id),
        platform=platform.slug,
        tenant=seen.tenant,
        native_id=seen.native_id,
        seen_at=seen.seen_at,
        handle=_short(seen.handle),
        display_name=_short(seen.display_name),
        email=_short(seen.email),
        kind=seen.kind,
        organisation=_short(seen.organisation),
        same_as=actor_id(context.key, platform.slug, seen.same_as_tenant or seen.tenant, seen.same_as)
        if seen.same_as
        else None,
    )


def _short(text: str | None) -> str | None:
    """Cut a text to the length that an outcome or an account may have."""
    return text[:MAX_CHARACTERS] if text else None


def _ref(key: bytes, platform: str, tenant: str, ref: str) -> str:
    if not ref.startswith(("http://", "https://")):
        return object_id(key, platform, tenant, ref)
    try:
        host = (urlsplit(ref).hostname or "").removeprefix("www.")
    except ValueError:  # people write `http://[url]`, and the message counts nevertheless
        host = ""
    # The last two labels approximate the registered domain. Exact lists change monthly, and a coarse place is enough.
    return keyed_link(key, ref, ".".join(host.split(".")[-MOST_DOMAIN_LABELS:]) or "unknown")


def _check_tenant(found: Action | AccountSeen | Ignored | Handshake, raw: RawEvent, context: Context) -> None:
    """Raises _NotAllowedError for an event of a place that the source does not speak for."""
    if isinstance(found, Action | AccountSeen):
        allowed = context.tenants.get(raw.source)
        if allowed is not None and found.tenant != allowed:
            raise _NotAllowedError("tenant: not the one that the settings give this source")


def _check_age(occurred_at: datetime, received_at: datetime) -> None:
    if occurred_at > received_at.astimezone(UTC) + MOST_FUTURE:
        raise _OutOfRangeError("occurred_at: more than 24 hours in the future")
    if occurred_at < received_at - MOST_PAST:
        raise _OutOfRangeError("occurred_at: more than 400 days old; import history with `guildhall import`")


def _fields(error: ValidationError) -> str:
    """Return the fields and the kinds of their errors. The message of a validation error would quote the payload."""
    return "; ".join(map(_field, error.errors(include_url=False, include_input=False)[:5]))


def _field(found: ErrorDetails) -> str:
    """Return one error. The text of an UnreadableError of a validator of ours contains no values, so it is shown whole."""
    own = found.get("ctx", {}).get("error")
    kind = str(own) if isinstance(own, UnreadableError) else found["type"]
    return f"{'.'.join(map(_name, found['loc'])) or 'payload'}: {kind}"


def _name(part: int | str) -> str:
    # An unknown field and a key of a mapping come from the payload: a text there may be content.
    return str(part) if isinstance(part, int) or _FIELD_NAME.fullmatch(part) else "(another name)"


def _rejected(
    offset: int,
    reason: Reason,
    detail: str,
    value: bytes | None,
    raw: RawEvent | None = None,
    platform: Platform | None = None,
) -> Outcome:
    record = RecordOutcome(
        offset=offset,
        verdict=Verdict.REJECTED,
        reason=reason,
        detail=detail[:500],
        platform=platform.slug if platform else None,
        source=raw.source if raw else None,
        raw_id=raw.id if raw else None,
        import_id=raw.import_id if raw else None,
        payload_hash=hashlib.sha256(value or b"").hexdigest(),
        normaliser_version=platform.version if platform else 0,
    )
    return Outcome(record)
