"""Settings that change late (bots, people, roles, spaces, communities) give the tables of one import with the last settings.

Twenty histories and the first tables; `make late` compares 200 and all that levels are made from.
"""

import pytest

from tests.cases.late_settings import FIRST, differing


@pytest.mark.parametrize("seed", range(20))
def test_settings_that_change_late_give_the_tables_of_one_import_with_them(tmp_path, seed):
    tables, changed = differing(seed, tmp_path, FIRST)
    assert not tables, f"{', '.join(sorted(changed))} changed late"
