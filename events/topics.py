"""Topics: one row per topic, with the partitions, retention and cleanup policy with which Guildhall creates it."""

from dataclasses import dataclass

from events.limits import MAX_RECORD_BYTES

DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """One topic of the contract."""

    name: str
    key: str
    value: str
    partitions: int
    cleanup: str
    retention_ms: int
    readers: tuple[str, ...]

    def config(self) -> dict[str, str]:
        """The topic's configuration for Kafka's admin API."""
        return {
            "cleanup.policy": self.cleanup,
            "retention.ms": str(self.retention_ms),
            "max.message.bytes": str(MAX_RECORD_BYTES),
            "message.timestamp.type": "CreateTime",
        }


RAW = Topic(
    name="participation.raw.v1",
    key="raw id",
    value="the payload byte for byte; CloudEvents 1.0 binary headers",
    partitions=8,
    cleanup="delete",
    retention_ms=28 * DAY_MS,
    readers=("stream worker", "replay"),
)
INTERACTIONS = Topic(
    name="participation.interactions.v1",
    key="community",
    value="Interaction v1, JSON",
    partitions=16,
    cleanup="delete",
    retention_ms=28 * DAY_MS,
    readers=("landing", "anybody's own consumer"),
)
OUTCOMES = Topic(
    name="participation.outcomes.v1",
    key="raw partition",
    value="one record per chunk: the outcome of each raw offset",
    partitions=8,
    cleanup="delete",
    retention_ms=28 * DAY_MS,
    readers=("landing",),
)
ACCOUNTS = Topic(
    name="participation.accounts.v1",
    key="actor; where the platform states another account of the same person, actor=other actor",
    value="what a platform shows about an account",
    partitions=4,
    cleanup="compact,delete",
    retention_ms=28 * DAY_MS,
    readers=("identity store",),
)
DIRECTIVES = Topic(
    name="participation.directives.v1",
    key="id",
    value="what people decide: link, opt-out, role, break",
    partitions=1,
    cleanup="compact",
    retention_ms=-1,
    readers=("landing", "identity store"),
)

TOPICS = (RAW, INTERACTIONS, OUTCOMES, ACCOUNTS, DIRECTIVES)
