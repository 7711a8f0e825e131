"""What the tests of the tables share."""

import pytest

from warehouse.db import open_memory


@pytest.fixture(scope="module")
def shared_con():
    """One connection for a module's tests, because making the tables takes longer than filling them: `empty` it first."""
    con = open_memory()
    yield con
    con.close()


@pytest.fixture
def con():
    """A connection of its own for a test; modules that share one have a fixture of this name themselves."""
    with open_memory() as con:
        yield con
