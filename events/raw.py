"""Raw events: one event as the platform sent it, in CloudEvents 1.0 Kafka binary mode."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache

from events.interaction import RawPosition
from events.limits import MAX_CHARACTERS
from events.source import parse

SPEC_VERSION = "1.0"
_OURS = frozenset(
    {"ce_id", "ce_source", "ce_type", "ce_guildhallsource", "ce_tenant", "ce_community", "ce_fault", "ce_importid"}
)
_NEEDED = ("ce_id", "ce_source", "ce_type", "ce_guildhallsource", "ce_receivedat")


class BadEnvelopeError(ValueError):
    """A record of the raw topic whose headers break the contract. The message names the header, never its value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RawEvent:
    """The payload byte for byte, and its context.

    `type` begins with the platform's slug and a dot (`slack.event`). `source` is the address of an `events.source.Source`.
    `tenant` and `community` are set where the payload does not contain them: by sources and imports. `fault` is set where a
    reader of an export could not read the record: the place and the reason, and nothing of the content. Such a record is
    rejected.
    `import_id` is set by imports: the same for each import of one export into one community, so that an import can be undone.
    `captured_at` is set where the payload is part of an export that holds the state at one moment: the newest moment that the
    export shows.
    """

    id: str
    sender: str
    type: str
    source: str
    received_at: datetime
    payload: bytes
    time: datetime | None = None
    tenant: str | None = None
    community: str | None = None
    fault: str | None = None
    captured_at: datetime | None = None
    import_id: str | None = None
    position: RawPosition | None = None

    @property
    def platform(self) -> str:
        """Slug of the platform, from the type."""
        return self.type.partition(".")[0]

    def headers(self) -> list[tuple[str, bytes]]:
        """The Kafka headers of this event, binary mode."""
        found = {
            "ce_specversion": SPEC_VERSION,
            "ce_id": self.id,
            "ce_source": self.sender,
            "ce_type": self.type,
            "ce_time": _iso(self.time) if self.time else None,
            "ce_guildhallsource": self.source,
            "ce_receivedat": _iso(self.received_at),
            "ce_tenant": self.tenant,
            "ce_community": self.community,
            "ce_fault": self.fault,
            "ce_capturedat": _iso(self.captured_at) if self.captured_at else None,
            "ce_importid": self.import_id,
        }
        return [(name, value.encode()) for name, value in found.items() if value is not None]

    @classmethod
    def from_record(
        cls, value: bytes | None, headers: Iterable[tuple[str, bytes]], position: RawPosition | None = None
    ) -> "RawEvent":
        """Read a Kafka record. Raises BadEnvelopeError."""
        if value is None:
            raise BadEnvelopeError("no value")
        try:
            found = {name: content.decode() for name, content in headers if content is not None}
        except UnicodeDecodeError as error:
            raise BadEnvelopeError("a header is not UTF-8") from error
        for name in _NEEDED:
            if not found.get(name):
                raise BadEnvelopeError(f"no {name}")
        for name, content in found.items():
            if name in _OURS and len(content) > MAX_CHARACTERS:
                raise BadEnvelopeError(f"{name} has more than {MAX_CHARACTERS} characters")
        try:
            parse(found["ce_guildhallsource"])
        except ValueError as error:
            raise BadEnvelopeError("ce_guildhallsource is not the address of a source") from error
        return cls(
            id=found["ce_id"],
            sender=found["ce_source"],
            type=found["ce_type"],
            source=found["ce_guildhallsource"],
            received_at=_moment("ce_receivedat", found["ce_receivedat"]),
            payload=value,
            time=_moment("ce_time", found["ce_time"]) if "ce_time" in found else None,
            tenant=found.get("ce_tenant"),
            community=found.get("ce_community"),
            fault=found.get("ce_fault"),
            captured_at=_moment("ce_capturedat", found["ce_capturedat"]) if "ce_capturedat" in found else None,
            import_id=found.get("ce_importid"),
            position=position,
        )

    def packed(self) -> bytes:
        """The event as one record of a journal: its headers as one line of JSON, then the payload."""
        headers = [(name, value.decode()) for name, value in self.headers()]
        return json.dumps(headers, separators=(",", ":")).encode() + b"\n" + self.payload

    @classmethod
    def unpacked(cls, record: bytes) -> "RawEvent":
        """The event that `packed` wrote. Raises BadEnvelopeError."""
        line, _, payload = record.partition(b"\n")
        try:
            headers = [(str(name), str(value).encode()) for name, value in json.loads(line)]
        except (ValueError, TypeError, RecursionError) as error:
            raise BadEnvelopeError("the headers are no JSON") from error
        return cls.from_record(payload, headers)


def delivery_id(source: str, payload: bytes) -> str:
    """The id of a raw record whose platform gives none: the hash of the source's address and the bytes.

    A re-delivery has the same id.
    """
    return hashlib.blake2b(payload, digest_size=16, key=hashlib.blake2b(source.encode()).digest()).hexdigest()


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@lru_cache(maxsize=4096)  # the records of an import share their time of receipt
def _moment(name: str, text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise BadEnvelopeError(f"{name} is no ISO time") from error
    if moment.tzinfo is None:
        raise BadEnvelopeError(f"{name} has no time zone")
    return moment
