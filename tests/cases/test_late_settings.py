"""Settings that change late (bots, people, roles, spaces, communities) give the tables of one import with the last settings."""

import pytest

from tests.cases.late_settings import differing


@pytest.mark.parametrize("seed", range(20))
def test_settings_that_change_late_give_the_tables_of_one_import_with_them(tmp_path, seed):
    tables, changed = differing(seed, tmp_path)
    assert not tables, f"{', '.join(sorted(changed))} changed late"
