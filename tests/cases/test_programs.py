"""Programs and people: what the platform's list of accounts says comes before flags of messages; the doctor suggests the rest."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from dagster_project.cli.unmarked_bots import row_of, unmarked_bots
from tests.cases.installation import KEY, SETTINGS, Installation
from tests.cases.test_shared_channels import export
from warehouse.build.catalog import catalog

MONDAY = 1_788_771_600
WEEK = 604_800
KINDS = "select actor_kind, count(*) from core.interactions where is_contribution group by all order by all"


@pytest.fixture
def made(tmp_path):
    installation = Installation(tmp_path, SETTINGS.format(platform="slack"))
    yield installation
    installation.close()


def event(number: int, **fields: object) -> bytes:
    return json.dumps({"type": "event_callback", "team_id": "TFERN0001", "event_id": f"E{number}", "event": fields}).encode()


def through_an_app(number: int) -> bytes:
    ts = f"{MONDAY + number}.000100"
    return event(
        number, type="message", user="UDORA0001", bot_id="BPOSTER01", app_id="APOSTER01", ts=ts, text="from my calendar",
        channel="CFERN0007", channel_type="channel", event_ts=ts,
    )  # fmt: skip


def account(number: int, *, is_bot: bool | None) -> bytes:
    user = {"id": "UDORA0001", "name": "dora", "updated": MONDAY} | ({} if is_bot is None else {"is_bot": is_bot})
    return event(number, type="user_change", user=user, event_ts=f"{MONDAY}.000000")


@pytest.mark.parametrize(("is_bot", "kind"), [(False, "human"), (True, "bot"), (None, "bot")])
@pytest.mark.parametrize("backwards", [False, True])
def test_what_the_platform_says_of_an_account_wins_over_the_flags_of_its_messages(made, is_bot, kind, backwards):
    bodies = [through_an_app(1), account(2, is_bot=is_bot), through_an_app(3)]
    for body in bodies[::-1] if backwards else bodies:
        made.post("slack", body, now=datetime.fromtimestamp(MONDAY + 10, UTC))
    made.refresh()
    assert made.rows(KINDS) == [(kind, 2)]


def test_the_settings_win_over_what_the_platform_says(made):
    bots = '\n[[bots]]\nplatform = "slack"\nworkspace = "TFERN0001"\naccounts = ["UDORA0001"]\n'
    made.configure(SETTINGS.format(platform="slack") + bots)
    made.post("slack", account(1, is_bot=False), now=datetime.fromtimestamp(MONDAY + 10, UTC))
    made.post("slack", through_an_app(2), now=datetime.fromtimestamp(MONDAY + 10, UTC))
    made.refresh()
    assert made.rows(KINDS) == [("bot", 1)]


def test_the_doctor_suggests_who_answers_within_seconds_and_who_is_named_so_with_the_row_to_add(made, tmp_path):
    def said(user: str, second: int) -> dict:
        return {"type": "message", "user": user, "team": "TFERN0001", "ts": f"{MONDAY + second}.000100", "text": "hello"}

    talk = []
    for number in range(24):
        at = number // 4 * WEEK + number * 600
        talk += [said("UDORA0001", at), said("UQUICK001", at + 3), said("UEMIL0002", at + 90)]
    talk.append(said("UPOLL0001", 30))
    users = [
        {"id": name, "team_id": "TFERN0001", "name": handle, "is_bot": False}
        for name, handle in (("UQUICK001", "karma"), ("UEMIL0002", "emil abbot"), ("UPOLL0001", "poll-bot"))
    ]
    made.imports("slack-export", export(tmp_path / "a", "TFERN0001", {"CFERN0007": talk}, users=tuple(users)))
    made.settings.paths.secret_key.write_text(KEY.hex())
    made.settings.paths.secret_key.chmod(0o600)
    assert unmarked_bots(made.settings) == [], "nothing is published yet"
    made.refresh()
    made.warehouse.publish(datetime(2026, 11, 27, 12, tzinfo=UTC) + timedelta(minutes=1))
    found = unmarked_bots(made.settings)
    assert [(one.account.native_id, one.why) for one in found] == [
        ("UPOLL0001", "its name"),
        ("UQUICK001", "24 of its 24 messages answer within 5 seconds"),
    ]
    made.configure(SETTINGS.format(platform="slack") + "".join("\n" + row_of(one) + "\n" for one in found))
    made.refresh()
    made.warehouse.publish(datetime(2026, 11, 27, 12, tzinfo=UTC) + timedelta(minutes=2))
    assert unmarked_bots(made.settings) == []


@pytest.mark.parametrize(("workspace", "written"), [("TFERN0001", "RSS feed"), ("*", "name:RSS feed"), ("T*", "rss  Feed")])
def test_a_program_is_listed_by_its_name_however_it_is_written_and_in_any_workspace(made, tmp_path, workspace, written):
    made.models = [model for model in catalog() if model.layer == "core"]
    made.configure(
        SETTINGS.format(platform="zoom")
        + f'\n[[bots]]\nplatform = "zoom"\nworkspace = "{workspace}"\naccounts = ["{written}", "Helper@Fern.example"]\n'
    )
    who = [{"user_name": "RSS feed"}, {"user_name": "Helper", "email": "helper@fern.example"}, {"user_name": "Dora"}]
    path = tmp_path / "stored.jsonl"
    with path.open("w") as file:
        for number, person in enumerate(who):
            at = {"join_time": "2026-10-05T17:00:00Z", "user_id": str(number)}
            held = {"uuid": "one", "id": "81", "participant": person | at}
            file.write(
                json.dumps({"event": "meeting.participant_joined", "payload": {"account_id": "TFERN0001", "object": held}})
                + "\n"
            )
    made.imports("zoom-webhooks", path)
    made.refresh()
    assert made.rows("select actor_kind, count(*) from core.interactions group by all order by all") == [
        ("bot", 2),
        ("human", 1),
    ]
