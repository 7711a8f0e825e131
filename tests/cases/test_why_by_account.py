"""A person who asks is found by an account, in every community and by every linked account; nobody else is."""

import pytest

from dagster_project.cli.accounts import pseudonyms_of
from events.errors import GuildhallError
from tests.cases.installation import KEY, SETTINGS, Installation
from tests.cases.test_names_and_numbers import archive
from warehouse.files import IDENTITY

PEOPLE = "person,platform,tenant,account\ndora,zulip,fern,name:Dora Finch\ndora,zulip,fern,name:Dora Grau\n"


@pytest.fixture
def made(tmp_path):
    installation = Installation(tmp_path, SETTINGS.format(platform="zulip"), {"people.csv": PEOPLE})
    said = [("Dora Finch", "hello"), ("Emil", "hi"), ("Dora Grau", "hi")]
    installation.imports("zulip-archive", archive(tmp_path / "a", *said), tenant="fern")
    installation.refresh()
    yield installation
    installation.close()


def test_an_account_leads_to_the_pseudonym_of_its_person(made):
    members = {member for (member,) in made.rows("select distinct member from core.interactions where is_contribution")}
    dora = pseudonyms_of(made.settings.home / IDENTITY, KEY, "zulip/fern/name:Dora Finch", ["case"])
    assert dora == pseudonyms_of(made.settings.home / IDENTITY, KEY, "zulip/fern/name:dora grau", ["case"])
    emil = pseudonyms_of(made.settings.home / IDENTITY, KEY, "zulip/fern/name:Emil", ["case"])
    assert {dora["case"], emil["case"]} == members


@pytest.mark.parametrize("account", ["zulip/fern/name:Nobody", "zulip/other/name:Emil", "slack/fern/name:Emil"])
def test_an_account_that_no_record_shows_is_refused_and_not_answered_with_a_pseudonym_of_nobody(made, account):
    with pytest.raises(GuildhallError, match="has been seen"):
        pseudonyms_of(made.settings.home / IDENTITY, KEY, account, ["case"])
