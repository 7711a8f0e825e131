"""IRC against two real histories: every line accounted for, twenty meetings as counted by hand, presence as published.

Nothing of a person is printed.
"""

import html
import json
import random
import re
import tarfile
from collections import Counter
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from events.communities import Communities, Community, SpaceRule
from events.identity import name_account
from events.interaction import ActorKind
from events.raw import RawEvent
from events.verb import Verb
from pipelines.connector import AccountSeen, Action, ImportOptions, PlatformEvent
from pipelines.platforms import irc
from pipelines.platforms.irc.export import read_export, unpack
from pipelines.platforms.irc.lines import Kind
from pipelines.understand.understand import Context, Outcome, understand

HISTORIES = Path(__file__).parents[3] / "shared" / "data" / "histories"
MONERO, W3C = HISTORIES / "monero-meetings.tar.gz", HISTORIES / "w3c-ccg-2014-2020.tar.gz"
FIXTURES = Path(__file__).parents[1] / "fixtures" / "irc"
needs_histories = pytest.mark.skipif(not MONERO.exists(), reason=f"{HISTORIES} is absent")
_RULE = SpaceRule(platform="irc", workspace="*", spaces=("*",))
CONTEXT = Context(
    key=b"k",
    communities=Communities({"gardeners": Community(slug="gardeners", title="Gardeners", space=(_RULE,))}),
    platforms={"irc": irc.PLATFORM},
)


def raw(payload: bytes) -> RawEvent:
    return RawEvent(
        id="1",
        sender="/t",
        type="irc.log",
        source="import/irc/irc-meetings",
        received_at=datetime(2026, 3, 3, tzinfo=UTC),
        payload=payload,
    )


def outcome(payload: bytes) -> Outcome:
    event = raw(payload)
    return understand(event.payload, event.headers(), 0, 0, CONTEXT)


@cache
def history(path: Path) -> dict[str, PlatformEvent]:
    return {event.id: event for event in read_export(path, ImportOptions())}


def people(event: PlatformEvent) -> list[Action]:
    found = (each for each in irc.normalise(raw(event.payload)) if not isinstance(each, AccountSeen))
    return [each for each in found if isinstance(each, Action) and each.actor_kind is ActorKind.HUMAN]


@pytest.mark.histories
@needs_histories
@pytest.mark.parametrize(
    ("path", "meetings", "turns", "unattributed"),
    [
        (MONERO, 305, 64_723, 19),  # 307 pages: one lost its log, one is there twice
        # Without 3 lines of saved chats that went to one person: `From Name To Other(privately) : …`
        (W3C, 311, 66_082, 15),  # 275 irc.log, 29 <date>-irc.log, 6 saved chats, 1 raw alone; 13 further folders hold no log
    ],
)
def test_every_meeting_and_every_line_is_accounted_for(path: Path, meetings: int, turns: int, unattributed: int) -> None:
    events = history(path)
    kinds: Counter[Kind] = Counter()
    total = 0
    for event in events.values():
        meeting, log = unpack(event.payload)
        found = meeting.lines(log)
        kinds.update(line.kind for line in found)
        total += sum(1 for line in log.decode("utf-8", "replace").split("\n") if line.strip("\r \t\f\v\xa0\x0f"))
    print(f"{path.name}: {len(events)} meetings, {total} lines: {dict(kinds)}")  # noqa: T201
    assert len(events) == meetings
    assert sum(kinds.values()) == total
    assert kinds[Kind.AUTHORLESS] == unattributed
    assert kinds[Kind.TURN] + kinds[Kind.ACTION] == turns


@pytest.mark.histories
@needs_histories
@pytest.mark.parametrize("path", [MONERO, W3C], ids=lambda path: path.name)
def test_every_meeting_of_the_histories_is_understood_and_every_id_is_its_own(path: Path) -> None:
    ids: Counter[str] = Counter()
    for event in history(path).values():
        found = outcome(event.payload)
        assert found.record.reason is None
        ids.update(interaction.event_id for interaction in found.interactions)
    assert ids.total() == len(ids)
    print(f"{path.name}: {len(ids)} interactions")  # noqa: T201


@pytest.mark.histories
@needs_histories
@pytest.mark.parametrize("path", [MONERO, W3C], ids=lambda path: path.name)
def test_twenty_meetings_are_as_they_were_counted_by_hand(path: Path) -> None:
    counted: list[dict[str, Any]] = yaml.safe_load((FIXTURES / "by_hand.yaml").read_text())[path.name.removesuffix(".tar.gz")]
    events = history(path)
    assert [each["meeting"] for each in counted] == sorted(random.Random(7).sample(sorted(events), 10))
    for each in counted:
        found = people(events[each["meeting"]])
        expected = {name: each[name] for name in ("meeting", "start", "people", "turns")} | each.get("program", {})
        assert {
            "meeting": each["meeting"],
            "start": min(action.occurred_at for action in found).replace(tzinfo=None).isoformat(),
            "people": len({action.actor for action in found}),
            "turns": sum(1 for action in found if action.verb is Verb.SPEAK),
        } == expected


def _letters(account: str) -> str:
    return re.sub(r"[^a-z0-9]", "", account.removeprefix("name:"))


def _published(path: Path) -> dict[tuple[str, str], set[str]]:
    """Who was present by the published minutes, by kind of minutes and folder; names as their letters only."""
    lists: dict[tuple[str, str], set[str]] = {}
    with tarfile.open(path) as archive:
        for member in archive:
            name, content = member.name.split("/"), archive.extractfile(member)
            if content is None or name[-1] not in {"email.log", "index.html"}:
                continue
            text = content.read().decode("utf-8", "replace")
            mailed = re.search(r"^Present:\n((?:[ \t]+.*\n)+)", text, re.MULTILINE)
            shown = re.search(r"<dt>Present</dt>\s*<dd>(.*?)</dd>", text, re.DOTALL)
            listed = mailed[1] if mailed else html.unescape(re.sub("<[^>]*>", "", shown[1])) if shown else ""
            if listed:
                people = {_letters(name_account(each)) for each in " ".join(listed.split()).split(",")} - {""}
                lists["mailed" if name[-1] == "email.log" else "shown", name[-2]] = people
    return lists


@pytest.mark.histories
@needs_histories
def test_presence_agrees_with_the_published_minutes_as_far_as_names_do() -> None:
    published = _published(W3C)
    directory = json.loads((HISTORIES / "w3c-ccg-people.json").read_text())
    same: dict[str, str] = {}
    for person, about in directory.items():
        for name in (person, *(about.get("alias") or ())):
            same.setdefault(_letters(name_account(name)), _letters(name_account(person)))
    scores: dict[tuple[str, str, str], float] = {}
    found = {event.id: people(event) for event in history(W3C).values()}
    for minutes in ("mailed", "shown"):
        for spoke_too in ("as listed", "or spoke"):
            for names in ("names", "aliases"):
                right = wrong = missed = 0
                for meeting, each in found.items():
                    series, *when = meeting.split(":")
                    wanted = published.get((minutes, "-".join([*when, series] if series != "main" else when)))
                    if wanted is None:
                        continue
                    there = {_letters(e.actor) for e in each if e.verb is Verb.ATTEND or spoke_too == "or spoke"}
                    if names == "aliases":
                        wanted, there = ({same.get(name, name) for name in group} for group in (wanted, there))
                    right, wrong, missed = (
                        right + len(wanted & there),
                        wrong + len(there - wanted),
                        missed + len(wanted - there),
                    )
                scores[minutes, spoke_too, names] = 2 * right / (2 * right + wrong + missed)
    print({" ".join(what): round(score, 3) for what, score in scores.items()})  # noqa: T201
    assert scores["mailed", "as listed", "names"] > 0.21
    assert scores["mailed", "as listed", "aliases"] > 0.79
    assert scores["mailed", "or spoke", "aliases"] > 0.79
