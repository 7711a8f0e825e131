"""Kafka: its address by the settings, and the wait for it and its topics with which processes begin."""

import time

import structlog

from dagster_project.settings import Settings

_log = structlog.get_logger()
RETRY_SECONDS = 1.0


def bootstrap_of(settings: Settings) -> str:
    """The address of Kafka: the one that was set, else the embedded one's, which is chosen once."""
    from pipelines.broker.server import Broker  # noqa: PLC0415 - each process imports what it runs, no more

    return settings.kafka.bootstrap_servers or Broker(settings.paths.kafka).bootstrap


def await_topics(bootstrap: str) -> None:
    """Wait for Kafka, however long it takes, and make the topics that are missing. Whoever comes first does it."""
    from pipelines.broker.admin import KafkaUnavailableError, ensure_topics, wait_ready  # noqa: PLC0415

    reported = False
    while True:
        try:
            if wait_ready(bootstrap, 10.0):
                ensure_topics(bootstrap)
                return
        except KafkaUnavailableError as error:
            _log.warning("topics could not be made yet", why=error.why)
        if not reported:
            _log.warning("kafka does not answer yet", at=bootstrap)
            reported = True
        time.sleep(RETRY_SECONDS)
