"""Limits: how large a record, a batch, a body and a field may be. Every package imports them from here."""

MAX_RECORD_BYTES = 4 << 20
"""Of any record: `max.message.bytes` of every topic, and what brokers, producers and consumers take."""
MAX_INTERACTION_BYTES = 1 << 20
"""Of one interaction or account. A larger one is a mistake and becomes a rejected record."""
MAX_CHUNK_BYTES = 3 << 20
"""Of one record of the outcomes topic. A chunk of outcomes with more bytes becomes several records."""
MAX_BODY_BYTES = 1 << 20
"""Of the body of one HTTP request to the gateway."""
MAX_BODIES_BYTES = 64 << 20
"""Of all bodies that are being received at once. Above it, a body may not grow over MAX_SMALL_BODY_BYTES."""
MAX_SMALL_BODY_BYTES = 64 << 10
"""Of a body that is received whatever the others are."""
MAX_HEAD_BYTES = 64 << 10
"""Of the request line and the headers of one HTTP request."""
MAX_HEADERS = 100
"""Headers of one HTTP request."""
MAX_PAYLOAD_BYTES = 1_000_000
"""Of one event in the SDK: with its envelope it fits into one body."""
MAX_BATCH_EVENTS = 500
"""Events in one request of CloudEvents in batch mode."""
MAX_BATCH_BYTES = 512 << 10
"""Of the payloads in one batch of the SDK. Base64 turns three bytes into four, so the batch fits into one body."""
MAX_JSON_DEPTH = 64
"""Levels of nesting in a JSON body."""
MAX_CHARACTERS = 1024
"""Of a header, an id, a name or a text field of an interaction. A longer one would make an outcome too large for its topic."""
