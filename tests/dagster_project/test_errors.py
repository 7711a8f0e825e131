"""Errors: every exception that a person may meet has three parts, and only a fault of the software asks for a report."""

import errno
import os
import sqlite3

import confluent_kafka
import duckdb
import kafka.errors
import pytest

from dagster_project.errors import causes, explain
from events.errors import GuildhallError

RESTART = {"A database file is damaged.", "There is not enough memory."}
"""Errors after which a long-lived process does better to restart."""


def of_system(number: int, path: str | None = None) -> OSError:
    return OSError(number, os.strerror(number), path)


@pytest.mark.parametrize(
    ("error", "what"),
    [
        (GuildhallError("This was refused.", "For a reason.", "Do that."), "This was refused."),
        (KeyboardInterrupt(), "Stopped."),
        (of_system(errno.ENOSPC), "The disk is full."),
        (of_system(errno.EDQUOT, "/x"), "The disk is full."),
        (duckdb.IOException("IO Error: Could not write file: No space left on device"), "The disk is full."),
        (sqlite3.OperationalError("database or disk is full"), "The disk is full."),
        (of_system(errno.EACCES, "/x/y"), "/x/y cannot be used."),
        (of_system(errno.EROFS, "/x/y"), "/x/y cannot be written."),
        (of_system(errno.ENOENT, "/x/y"), "/x/y is missing."),
        (of_system(errno.ENOTDIR, "/x/y"), "/x/y cannot be used."),
        (of_system(errno.EMFILE), "Too many files are open."),
        (of_system(errno.EADDRINUSE), "The port is in use."),
        (ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused"), "A service does not answer."),
        (kafka.errors.KafkaConnectionError(), "Kafka does not answer."),
        (confluent_kafka.KafkaException(confluent_kafka.KafkaError(-195)), "Kafka does not answer."),
        (duckdb.IOException("IO Error: Could not set lock on file"), "A database file is in use."),
        (sqlite3.OperationalError("database is locked"), "A database file is in use."),
        (duckdb.OutOfMemoryException("Out of Memory Error: could not allocate"), "A query needs more memory than it may use."),
        (duckdb.SerializationException("Serialization Error: field id mismatch"), "A database file is damaged."),
        (sqlite3.DatabaseError("file is not a database"), "A database file is damaged."),
        (MemoryError(), "There is not enough memory."),
        (ModuleNotFoundError("No module named 'dagster'", name="dagster"), "A Python package is missing."),
    ],
)
def test_an_error_that_can_be_foreseen_names_what_happened(error, what):
    found = explain(error)
    assert found.what == what
    assert found.foreseen == (what not in RESTART)
    assert found.why.endswith((".", "!", "?"))
    assert found.todo


def test_a_fault_of_the_software_asks_for_a_report_and_shows_one_line():
    found = explain(ValueError("first\nsecond"))
    assert not found.foreseen
    assert found.why == "ValueError: first."
    assert "--debug" in found.todo


@pytest.mark.parametrize("error", [duckdb.BinderException("Binder Error: no such column"), sqlite3.IntegrityError("UNIQUE")])
def test_a_wrong_query_of_ours_is_a_fault_of_the_software(error):
    assert not explain(error).foreseen


def test_the_first_cause_that_is_recognised_explains_the_error():
    error = RuntimeError("the run failed")
    error.__cause__ = of_system(errno.ENOSPC)
    assert explain(error).what == "The disk is full."


def test_an_error_that_is_its_own_cause_ends():
    one, other = ValueError("one"), ValueError("other")
    one.__context__, other.__context__ = other, one
    assert list(causes(one)) == [one, other]


def test_an_explanation_is_bounded():
    assert len(explain(ValueError("x" * 10_000)).why) < 400
