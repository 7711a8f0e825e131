"""Database: a transaction is whole or absent, its first error is the one that is seen, and it has one home."""

import ast
import sqlite3
from pathlib import Path

import duckdb
import pytest

from warehouse.db import identifier, integer, open_files, quoted, rows, transaction

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("events", "pipelines", "warehouse", "dagster_project")


@pytest.fixture(params=["duckdb", "sqlite"])
def con(request):
    con = duckdb.connect() if request.param == "duckdb" else sqlite3.connect(":memory:", isolation_level=None)
    con.execute("create table numbers (n integer not null)")
    yield con
    con.close()


def stored(con) -> list[int]:
    return [n for (n,) in con.execute("select n from numbers order by n").fetchall()]


def test_a_transaction_stores_everything(con):
    with transaction(con):
        con.execute("insert into numbers values (1)")
        con.execute("insert into numbers values (2)")
    assert stored(con) == [1, 2]


def test_a_transaction_that_fails_stores_nothing_and_the_next_one_works(con):
    with pytest.raises(ValueError, match="the cause"), transaction(con):  # noqa: PT012 - the insert belongs to the failing block
        con.execute("insert into numbers values (1)")
        raise ValueError("the cause")
    with transaction(con):
        con.execute("insert into numbers values (2)")
    assert stored(con) == [2]


def test_a_rollback_that_fails_does_not_hide_the_first_error(con):
    with pytest.raises(ValueError, match="No space left on device"), transaction(con):  # noqa: PT012 - as above
        con.execute("rollback")  # a commit that fails ends the transaction in the same way
        raise ValueError("No space left on device")


def test_no_other_module_controls_transactions():
    allowed = {"warehouse/db.py"}
    found = {
        path.relative_to(ROOT).as_posix()
        for package in PACKAGES
        for path in (ROOT / package).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        for argument in node.args
        for text in ast.walk(argument)
        if isinstance(text, ast.Constant)
        and isinstance(text.value, str)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in {"execute", "executescript", "sql", "query"}
        and text.value.strip().lower().startswith(("begin", "commit", "rollback"))
    }
    assert found == allowed


def test_rows_are_dictionaries_and_names_and_texts_are_quoted():
    with duckdb.connect() as con:
        name, text = 'a "quoted" name', "it's"
        assert rows(con, f"select {quoted(text)} as {identifier(name)}, ? as n", [1]) == [{name: text, "n": 1}]
        assert integer(con, "select 2 + ?", [3]) == 5


def test_a_landing_file_of_an_earlier_version_gets_the_columns_that_it_lacks(tmp_path):
    files = tmp_path / "landing.duckdb", tmp_path / "warehouse.duckdb"
    old = duckdb.connect(str(files[0]))
    old.execute("create table communities (community varchar, title varchar)")
    old.execute("insert into communities values ('bakers', 'Bakers')")
    old.close()
    with open_files(*files) as con:
        assert con.execute("select community, title, begins_at from landing.main.communities").fetchall() == [
            ("bakers", "Bakers", None)
        ]
