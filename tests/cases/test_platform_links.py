"""A platform's own statement that two accounts are one person links them, whichever record came first."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.cases.installation import SETTINGS, Installation

WIKI = {"server_name": "wiki.fern.example", "wiki": "fernwiki", "meta": {"domain": "wiki.fern.example"}}
MONDAY, DAY = 1_788_771_600, 86_400


def edit(number: int, user: str) -> dict:
    return WIKI | {
        "id": number, "type": "edit", "namespace": 0, "title": "Beds", "timestamp": MONDAY + number * DAY, "user": user, "bot": False,
        "length": {"old": 1, "new": 9}, "revision": {"old": 100 + number - 1, "new": 100 + number},
    }  # fmt: skip


def log(number: int, kind: str, parameters: dict, user: str = "Steward") -> dict:
    return WIKI | {
        "id": number, "type": "log", "namespace": 2, "title": "User:X", "timestamp": MONDAY + number * DAY, "user": user, "bot": False,
        "log_id": number, "log_type": kind, "log_action": kind, "log_params": parameters,
    }  # fmt: skip


HISTORY = [
    edit(1, "Dora"),
    edit(2, "Emil"),
    edit(3, "Emil (old)"),
    log(4, "renameuser", {"4::olduser": "Dora", "5::newuser": "Dora Finch"}),
    edit(5, "Dora Finch"),
    log(6, "renameuser", {"olduser": "Dora Finch", "newuser": "Dora Grau"}),
    edit(7, "Dora Grau"),
    log(8, "usermerge", {"oldName": "Emil (old)", "oldId": 5, "newName": "Emil", "newId": 4}),
]


@pytest.mark.parametrize("backwards", [False, True])
def test_renamed_twice_and_merged_are_one_person_each(tmp_path, backwards):
    made = Installation(tmp_path, SETTINGS.format(platform="mediawiki"))
    lines: list[dict] = HISTORY[::-1] if backwards else HISTORY
    for number, line in enumerate(lines):  # one import per record: each is a landing of its own
        path: Path = tmp_path / f"{number}.jsonl"
        path.write_text(json.dumps(line) + "\n")
        made.imports("mediawiki-recentchange", path)
    made.refresh()
    counts = made.rows("select count(*) from core.interactions group by member order by 1")
    made.close()
    assert counts == [(2,), (3,)]
    assert made.outcomes["understood", None] == len(HISTORY)


def post(number: int, user: str, team: str, **around: object) -> bytes:
    event = {
        "type": "message", "user": user, "ts": f"{MONDAY + number}.000100", "text": "hello", "team": team, "channel": "CSHARED07",
        "channel_type": "channel", "event_ts": f"{MONDAY + number}.000100",
    }  # fmt: skip
    return json.dumps({"type": "event_callback", "team_id": team, "event_id": f"E{number}", "event": event} | around).encode()


def test_in_a_shared_channel_the_workspace_of_the_installation_is_the_tenant_whoever_writes(tmp_path):
    made = Installation(tmp_path, SETTINGS.format(platform="slack").replace('workspace = "*"', 'workspace = "TFERN01"'))
    ours = [{"team_id": "TFERN01", "user_id": "UGUILD07", "is_bot": True}]
    whole_organisation = [{"team_id": None, "enterprise_id": "EGARDEN1", "user_id": "UGUILD07", "is_bot": True}]
    now = datetime.fromtimestamp(MONDAY + 60, UTC)
    made.post("slack", post(1, "UDORA001", "TFERN01"), now=now)
    made.post("slack", post(2, "UEMIL001", "TMOSS01", authorizations=ours), now=now)
    made.post("slack", post(3, "UEMIL001", "TMOSS01", authorizations=whole_organisation, context_team_id="TFERN01"), now=now)
    found = made.rows("select event_id, count(distinct actor) over () from landing.main.interactions order by event_id")
    made.close()
    assert found == [(f"slack:TFERN01:CSHARED07:{MONDAY + number}.000100", 2) for number in (1, 2, 3)]
