"""The startup cache of Kafka: made once, never in the way."""

from pathlib import Path

import pytest
from filelock import FileLock

from events.errors import GuildhallError
from pipelines.broker import startup_cache


@pytest.fixture
def jars(tmp_path: Path) -> list[Path]:
    found = [tmp_path / "kafka.jar", tmp_path / "slf4j.jar"]
    for jar in found:
        jar.touch()
    return found


def write(file: Path) -> None:
    file.write_text("classes")


def refuse(_file: Path) -> None:
    raise AssertionError("the cache is there already")


def cache_of(options: list[str]) -> Path:
    return Path(next(option for option in options if option.startswith("-XX:AOTCache=")).partition("=")[2])


def test_the_first_start_makes_the_cache_and_later_ones_use_it(jars: list[Path]) -> None:
    file = cache_of(startup_cache.options("java", jars, write))
    assert file.read_text() == "classes"
    assert file.parent == jars[0].parent
    assert cache_of(startup_cache.options("java", jars, refuse)) == file


def test_another_java_makes_its_own_and_the_old_one_goes(jars: list[Path]) -> None:
    old = cache_of(startup_cache.options("java-25", jars, write))
    new = cache_of(startup_cache.options("java-26", jars, write))
    assert old != new
    assert not old.exists()


def test_a_java_that_makes_none_is_asked_once(jars: list[Path]) -> None:
    assert startup_cache.options("java-17", jars, lambda _file: None) == []
    assert startup_cache.options("java-17", jars, refuse) == []


def test_what_fails_keeps_kafka_from_nothing_and_is_tried_at_the_next_start(jars: list[Path]) -> None:
    def fail(_file: Path) -> None:
        raise GuildhallError("Kafka does not answer.", "The machine is busy.", "Try again.")

    assert startup_cache.options("java", jars, fail) == []
    assert cache_of(startup_cache.options("java", jars, write)).read_text() == "classes"


def test_a_folder_that_cannot_be_written_has_no_cache(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert startup_cache.options("java", [tmp_path / "file" / "kafka.jar"], write) == []


def test_a_start_does_not_wait_for_another_that_makes_it(jars: list[Path]) -> None:
    file = cache_of(startup_cache.options("java", jars, write))
    file.unlink()
    with FileLock(file.with_suffix(".lock")):
        assert startup_cache.options("java", jars, write) == []
