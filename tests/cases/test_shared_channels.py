"""A channel that two Slack workspaces share counts once, and so do its people, whoever reported it and in whatever order."""

import json
from datetime import UTC, datetime
from itertools import permutations
from pathlib import Path

import pytest

from tests.cases.installation import SETTINGS, Installation

MONDAY = 1_788_771_600
OURS, THEIRS = "TFERN0001", "TMOSS0001"
SHARED, OWN = "CSHARED07", "CFERN0007"
PEOPLE = {"UDORA0001": OURS, "UEMIL0001": THEIRS}
COUNTS = "select count(*), count(distinct member), count(distinct thread_id) from core.interactions where is_contribution"


def message(number: int, user: str, **more: object) -> dict:
    return {
        "type": "message", "user": user, "team": PEOPLE[user], "ts": f"{MONDAY + 60 * number}.000100", "text": "hello",
    } | more  # fmt: skip


OPENING = message(0, "UDORA0001", text="who has seeds?")
ANSWER = message(1, "UEMIL0001", thread_ts=OPENING["ts"], text="<@UDORA0001> here")
TALK = [OPENING, ANSWER, message(2, "UDORA0001", thread_ts=OPENING["ts"], text="thanks")]


def export(
    folder: Path,
    team: str,
    channels: dict[str, list[dict]],
    *,
    lists: tuple[str, ...] = tuple(PEOPLE),
    users: tuple[dict, ...] = (),
) -> Path:
    """An export of a workspace; its list of users has these accounts, guests of the other workspace too."""
    folder.mkdir()
    rows = [{"id": name, "team_id": PEOPLE[name], "name": name.lower(), "is_stranger": PEOPLE[name] != team} for name in lists]
    (folder / "users.json").write_text(json.dumps([*rows, *users]))
    (folder / "channels.json").write_text(json.dumps([{"id": name, "name": name.lower()} for name in channels]))
    for name, messages in channels.items():
        (folder / name.lower()).mkdir()
        (folder / name.lower() / "2026-09-07.json").write_text(json.dumps(messages))
    return folder


def live(number: int, event: dict, team: str, channel: str = SHARED) -> bytes:
    around = {
        "type": "event_callback", "team_id": event.get("team", team), "context_team_id": team, "event_id": f"E{number}{team}",
        "is_ext_shared_channel": channel == SHARED,
    }  # fmt: skip
    return json.dumps(
        around | {"event": event | {"channel": channel, "channel_type": "channel", "event_ts": event["ts"]}}
    ).encode()


@pytest.fixture
def made(tmp_path):
    installation = Installation(tmp_path, SETTINGS.format(platform="slack"))
    yield installation
    installation.close()


@pytest.mark.parametrize("lists", [tuple(PEOPLE), ("UDORA0001",)], ids=["guests listed", "guests in no list"])
@pytest.mark.parametrize("order", list(permutations("ab")), ids="".join)
def test_two_exports_of_a_shared_channel_count_once(made, tmp_path, order, lists):
    paths = {
        "a": export(tmp_path / "a", OURS, {OWN: [message(9, "UDORA0001")], SHARED: TALK}, lists=lists),
        "b": export(tmp_path / "b", THEIRS, {SHARED: [*TALK, message(5, "UEMIL0001")]}, lists=("UEMIL0001", *lists[1:])),
    }
    for one in order:
        made.imports("slack-export", paths[one])
        made.refresh()
    assert made.rows(COUNTS) == [(5, 2, 1)]
    assert made.one("select count(*) from core.replies") == 2
    assert made.one(f"select count(*) from core.interactions where space = '{SHARED}' and event_id like '%:{OURS}:%'") == 4
    assert {link.linked_by for link in made.warehouse.identity.links()} == {"platform"}


def test_the_workspace_of_an_export_is_that_of_its_owners_however_many_guests_it_lists(made, tmp_path):
    guests = [{"id": f"UGUEST00{number}", "team_id": THEIRS, "name": f"guest{number}"} for number in range(3)]
    owner = {"id": "UFERN0009", "team_id": OURS, "name": "fern", "is_owner": True, "is_primary_owner": True}
    made.imports("slack-export", export(tmp_path / "a", OURS, {OWN: TALK}, users=(*guests, owner)))
    assert made.one("select min(tenant) from landing.main.interactions") == OURS


def test_two_workspaces_that_both_report_live_count_once_with_reactions_edits_and_an_export(made, tmp_path):
    now = datetime.fromtimestamp(MONDAY + 600, UTC)
    star = {
        "type": "reaction_added", "user": "UEMIL0001", "reaction": "seedling", "ts": "", "event_ts": f"{MONDAY + 300}.000500",
        "item": {"type": "message", "channel": SHARED, "ts": OPENING["ts"]},
    }  # fmt: skip
    edit = {
        "type": "message", "subtype": "message_changed", "ts": f"{MONDAY + 310}.000200", "event_ts": f"{MONDAY + 310}.000200",
        "message": TALK[0] | {"text": "who has seeds", "edited": {"user": "UDORA0001", "ts": f"{MONDAY + 310}.000000"}},
        "previous_message": TALK[0],
    }  # fmt: skip
    for team in (OURS, THEIRS):
        for number, event in enumerate([*TALK, star | {"ts": star["event_ts"]}, edit]):
            made.post("slack", live(number, event, team), now=now, tenant=team)
    made.imports("slack-export", export(tmp_path / "b", THEIRS, {SHARED: TALK}))
    made.refresh()
    assert made.rows(COUNTS) == [(3, 2, 1)]
    assert made.one("select count(*) from core.interactions where verb = 'react'") == 1
    assert made.one("select sum(edits) from core.interactions") == 1


def test_a_bot_that_the_settings_list_in_one_workspace_is_one_in_the_other(made, tmp_path):
    bots = f'\n[[bots]]\nplatform = "slack"\nworkspace = "{THEIRS}"\naccounts = ["UEMIL0001"]\n'
    made.configure(SETTINGS.format(platform="slack") + bots)
    for name, team in (("a", OURS), ("b", THEIRS)):
        made.imports("slack-export", export(tmp_path / name, team, {SHARED: TALK}))
    made.refresh()
    assert made.rows("select actor_kind, count(*) from core.interactions group by all order by all") == [
        ("bot", 1),
        ("human", 2),
    ]


def test_channels_and_accounts_of_workspaces_that_share_no_record_stay_apart(made, tmp_path):
    later = [one | {"ts": one["ts"].replace(".000100", ".000200")} for one in TALK[:1]]
    made.imports("slack-export", export(tmp_path / "a", OURS, {SHARED: TALK[:1]}), tenant="one")
    made.imports("slack-export", export(tmp_path / "b", OURS, {SHARED: later}), tenant="other")
    made.refresh()
    assert made.rows(COUNTS) == [(2, 2, 0)]


def test_users_of_one_enterprise_grid_organisation_are_one_person_at_once(made, tmp_path):
    def member(name: str, team: str) -> dict:
        grid = {"id": "WDORA0001", "enterprise_id": "EGARDEN01", "enterprise_name": "Garden", "teams": [OURS, THEIRS]}
        return {"id": name, "team_id": team, "name": name.lower(), "is_owner": True, "enterprise_user": grid}

    def by(name: str, team: str, second: int) -> dict:
        return {"type": "message", "user": name, "team": team, "ts": f"{MONDAY + second}.000300", "text": "hi"}

    first = [by("UDORA0007", OURS, 1), by("WDORA0001", OURS, 2)]
    made.imports("slack-export", export(tmp_path / "a", OURS, {OWN: first}, users=(member("UDORA0007", OURS),)))
    made.imports("slack-export", export(tmp_path / "b", THEIRS, {"CMOSS0007": [by("UDORA0008", THEIRS, 3)]}, users=(member("UDORA0008", THEIRS),)))  # fmt: skip
    made.refresh()
    assert made.rows(COUNTS) == [(3, 1, 0)]
    link = next(link for link in made.warehouse.identity.links() if link.person.startswith("person:"))
    assert link.linked_by == "platform"
