"""Metrics: what `/metrics` of the gateway shows, for Prometheus and whatever reads its format."""

from collections.abc import Iterator

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from pipelines.ingest.publisher import RawPublisher

_EVENTS = {
    "received": "Raw events that passed the check of their source.",
    "acknowledged": "Raw events that Kafka acknowledged while the sender waited.",
    "spooled": "Raw events that went to the spool.",
    "drained": "Raw events from the spool that Kafka acknowledged later.",
    "late": "Raw events that are in the spool although Kafka got them. They will be delivered twice.",
    "refused": "Raw events that neither Kafka nor the spool took.",
}
"""Field of `publisher.Counts` -> its description."""


class GatewayMetrics(Collector):
    """Reads a publisher's counters and state at each scrape. The counters begin at 0 when the process starts."""

    def __init__(self, publisher: RawPublisher) -> None:
        """A registry of its own, so that several gateways in one process do not mix."""
        self._publisher = publisher
        self._registry = CollectorRegistry()
        self._registry.register(self)

    def page(self, accept: str) -> tuple[bytes, str]:
        """Return the page and its content type. `accept` is the request's header: Prometheus text or OpenMetrics."""
        encode, content_type = choose_encoder(accept)
        return encode(self._registry), content_type

    def collect(self) -> Iterator[Metric]:
        """Yield every metric; the registry calls this."""
        for name, description in _EVENTS.items():
            counter = CounterMetricFamily(f"guildhall_gateway_events_{name}", description, labels=["source"])
            for source, count in sorted(getattr(self._publisher.counts, name).items()):
                counter.add_metric([source], count)
            yield counter
        yield CounterMetricFamily(
            "guildhall_gateway_spool_damaged",
            "Places of the spool with damaged bytes. Their segments are in spool/damaged.",
            value=self._publisher.spool.damaged(),
        )
        spool = self._publisher.spool
        gauges = (
            ("kafka_healthy", "1 while Kafka takes events.", self._publisher.healthy),
            ("spool_events", "Raw events that wait in the spool.", spool.count()),
            ("spool_stuck", "1 while the spool cannot be read or shortened.", self._publisher.stuck),
            ("spool_has_room", "1 while the disk has more free space than the threshold.", spool.has_room()),
        )
        for name, description, value in gauges:
            yield GaugeMetricFamily(f"guildhall_gateway_{name}", description, value=int(value))
