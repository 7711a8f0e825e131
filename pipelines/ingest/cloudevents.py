"""CloudEvents over HTTP: a request in binary, structured or batch mode becomes raw events, each with its own verdict.

The `cloudevents` library decides what a well-formed event is. Two things differ from it: binary data stays byte for byte (the
library would parse and write it again), and an event without an id is refused (the library would invent one, and a re-delivery
would get another).
"""

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from cloudevents.core.bindings.http import HTTPMessage, from_binary
from cloudevents.core.exceptions import BaseCloudEventException
from cloudevents.core.v1.event import CloudEvent
from pydantic_core import from_json

from events.limits import MAX_CHARACTERS
from events.raw import RawEvent
from events.source import MAIN, Source, SourceKind
from pipelines.connector import Platform

STRUCTURED = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"


EmitterOf = Callable[[str], tuple[Source, str | None]]
"""The source that CloudEvents of a platform (slug) belong to, and its tenant."""


def main_emitter(platform: str) -> tuple[Source, str | None]:
    """The source of a platform for which the settings have none: `emit/<platform>/main`, without a tenant."""
    return Source(SourceKind.EMIT, platform, MAIN), None


@dataclass(frozen=True, slots=True)
class Refused:
    """One event that is not accepted, and why, without its content."""

    id: str | None
    why: str


class RefusedRequestError(Exception):
    """A request without any readable event, with the HTTP status of the answer."""

    def __init__(self, status: int, why: str) -> None:
        """`why` is shown to the sender."""
        super().__init__(why)
        self.status, self.why = status, why


class _Verbatim:
    """A format of the library that leaves the data as it is."""

    @staticmethod
    def read_data(body: bytes, _: str | None) -> bytes:
        return body


def read(
    headers: Mapping[str, str],
    body: bytes,
    platforms: Mapping[str, Platform],
    received_at: datetime,
    emitter_of: EmitterOf,
    *,
    most_events: int,
    most_depth: int,
) -> list[RawEvent | Refused]:
    """The events of a request, in its order. Raises RefusedRequestError.

    Headers have lower-case names. The tenant is that of the event's `tenant` extension, otherwise the configured source's. An
    event cannot name its community: the settings decide that.
    """
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == BATCH:
        found = _json(body, most_depth)
        if not isinstance(found, list):
            raise RefusedRequestError(400, "a batch is a JSON array of events")
        if len(found) > most_events:
            raise RefusedRequestError(413, f"a batch holds at most {most_events} events, this one {len(found)}")
        return [_structured(one, platforms, received_at, emitter_of) for one in found]
    if kind == STRUCTURED:
        return [_structured(_json(body, most_depth), platforms, received_at, emitter_of)]
    if kind.startswith("application/cloudevents"):
        raise RefusedRequestError(415, f"CloudEvents are read as JSON only: {STRUCTURED} or {BATCH}")
    if not any(name.startswith("ce-") for name in headers):
        raise RefusedRequestError(415, f"send CloudEvents: {STRUCTURED}, {BATCH}, or ce- headers with any body")
    return [_binary(headers, body, platforms, received_at, emitter_of)]


def _json(body: bytes, most_depth: int) -> Any:
    try:
        found = from_json(body, allow_inf_nan=False)
    except (ValueError, RecursionError) as error:
        raise RefusedRequestError(400, "the body is not JSON in UTF-8") from error
    if _deeper_than(found, most_depth):
        raise RefusedRequestError(400, f"the JSON is nested deeper than {most_depth}")
    return found


def _deeper_than(value: Any, most: int) -> bool:
    layer = [value]
    for _ in range(most + 1):
        layer = [
            inner
            for outer in layer
            if isinstance(outer, dict | list)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
        if not layer:
            return False
    return True


def _binary(
    headers: Mapping[str, str], body: bytes, platforms: Mapping[str, Platform], now: datetime, emitter_of: EmitterOf
) -> RawEvent | Refused:
    id_ = headers.get("ce-id")
    if not id_ or not headers.get("ce-specversion"):
        return Refused(id_, "ce-id and ce-specversion are required")
    try:
        event = from_binary(HTTPMessage(dict(headers), body), _Verbatim(), CloudEvent)
    except (ValueError, TypeError, BaseCloudEventException) as error:
        return Refused(id_, _why(error))
    return _raw(event, body, platforms, now, emitter_of)


def _structured(found: Any, platforms: Mapping[str, Platform], now: datetime, emitter_of: EmitterOf) -> RawEvent | Refused:
    if not isinstance(found, dict):
        return Refused(None, "an event is a JSON object")
    attributes = {name: value for name, value in found.items() if name not in {"data", "data_base64"}}
    given = attributes.get("id")
    id_ = given if isinstance(given, str) else None
    if not id_ or "specversion" not in attributes:
        return Refused(id_, "id and specversion are required")
    try:
        if "time" in attributes:
            attributes["time"] = datetime.fromisoformat(attributes["time"])
        event = CloudEvent(attributes)
        payload = _data(found)
    except (ValueError, TypeError, AttributeError, BaseCloudEventException) as error:
        return Refused(id_, _why(error))
    return _raw(event, payload, platforms, now, emitter_of)


def _data(found: Mapping[str, Any]) -> bytes:
    if "data_base64" in found:
        return base64.b64decode(found["data_base64"], validate=True)
    data = found.get("data")
    declared = found.get("datacontenttype", "application/json").partition(";")[0]
    if isinstance(data, str) and not declared.endswith("json"):
        return data.encode()
    return json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode()


def _raw(
    event: CloudEvent, payload: bytes, platforms: Mapping[str, Platform], now: datetime, emitter_of: EmitterOf
) -> RawEvent | Refused:
    id_, source, type_, tenant = event.get_id(), event.get_source(), event.get_type(), event.get_extension("tenant")
    for name, value in (("id", id_), ("source", source), ("type", type_), ("tenant", tenant)):
        if value is not None and not _plain(value):
            shown = id_ if _plain(id_) else None
            return Refused(shown, f"{name}: text of 1 to {MAX_CHARACTERS} characters without control characters")
    platform = platforms.get(type_.partition(".")[0])
    if platform is None or not platform.emits or "." not in type_:
        emitting = ", ".join(sorted(slug for slug, each in platforms.items() if each.emits)) or "none"
        return Refused(id_, f"type: begins with a platform that emits, and a dot; those are: {emitting}")
    moment = event.get_time()
    try:
        moment = moment.astimezone(UTC) if moment else None
    except OverflowError:
        return Refused(id_, "time: outside the calendar")
    if not payload or payload == b"null":
        return Refused(id_, "there is no data")
    emitter, tenant_of_source = emitter_of(platform.slug)
    return RawEvent(
        id=id_,
        sender=source,
        type=type_,
        source=emitter.address,
        received_at=now,
        payload=payload,
        time=moment,
        tenant=tenant or tenant_of_source,
    )


def _plain(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= MAX_CHARACTERS and value.isprintable()


def _why(error: Exception) -> str:
    # Names of attributes only: a message of the library or of a parser would quote the sender's content.
    fields = getattr(error, "errors", None)
    return f"not valid: {', '.join(sorted(fields))}" if isinstance(fields, dict) else "time or data cannot be read"
