"""Settings that change late: random histories whose settings change while records arrive, against one import with the last settings.

`python -m tests.cases.late_settings 200` prints a table: how many histories, which settings changed, which tables differed.
"""

import json
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from events.raw import RawEvent
from tests.cases.installation import Installation
from warehouse.build.catalog import catalog
from warehouse.build.model import Model

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
WEEKS = 14
TEAM, METERS, WIKI = "TFERN0001", "ZFERN0001", "wiki.fern.example"
CHANNELS = ("CSEEDS001", "CTOOLS001", "CLATE0001")
SLACK = ("UDORA0001", "UEMIL0001", "UFENN0001", "UGRAU0001", "UHELP0001")
MAILS = ("dora@fern.example", "emil@fern.example", "ida@fern.example")
GUESTS = ("Fenn", "Helper", "iPhone")
EDITORS = ("Dora", "Emil", "Tidy", "Jo")
ACCOUNTS = (
    *(("slack", TEAM, one) for one in SLACK),
    *(("zoom", METERS, one) for one in (*MAILS, "name:Fenn", "name:Helper")),
    *(("mediawiki", WIKI, one) for one in EDITORS),
)
PARTS: dict[str, Callable[[random.Random], str]] = {}
"""What can change late -> a random state of it, as text of guildhall.toml or of the file beside it. Spaces are beside them."""
OTHER_LEVELS = {"levels.current", "levels.flow", "levels.history"}
MODELS = tuple(model for model in catalog() if model.layer in {"core", "levels"} and model.table not in OTHER_LEVELS)
"""What all other tables are made from; how those are built step by step is tests/warehouse/test_incremental.py's."""


def behind(*tables: str) -> tuple[Model, ...]:
    """These models and those that they read, in order."""
    wanted = set(tables)
    for model in reversed(MODELS):
        wanted |= set(model.header.reads) if model.table in wanted else set()
    return tuple(model for model in MODELS if model.table in wanted)


FIRST = behind("core.attendance", "core.communities", "core.interactions", "core.spaces")
"""The few in which bots, people, spaces and communities show; roles show in the landing file."""
PARTS: dict[str, Callable[[random.Random], str]] = {}
"""What can change late -> a random state of it, as text of guildhall.toml or of the file beside it. Spaces are beside them."""
OTHER_LEVELS = {"levels.current", "levels.flow", "levels.history"}
MODELS = tuple(model for model in catalog() if model.layer in {"core", "levels"} and model.table not in OTHER_LEVELS)
"""What all other tables are made from; how those are built step by step is tests/warehouse/test_incremental.py's."""


def part(function: Callable[[random.Random], str]) -> Callable[[random.Random], str]:
    PARTS[function.__name__] = function
    return function


@part
def bots(dice: random.Random) -> str:
    listed = dice.sample(ACCOUNTS, dice.choice((0, 1, 1, 2, 4)))
    return "".join(
        f'[[bots]]\nplatform = "{platform}"\nworkspace = "{tenant}"\naccounts = ["{account}"]\n'
        for platform, tenant, account in listed
    )


@part
def people(dice: random.Random) -> str:
    linked = dice.sample(ACCOUNTS, dice.choice((0, 2, 3, 5, 8)))
    rows = [f"{dice.choice(('dora', 'emil', 'fenn'))},{','.join(account)}" for account in linked]
    return "\n".join(["person,platform,tenant,account", *rows]) + "\n"


@part
def roles(dice: random.Random) -> str:
    held = dice.sample(ACCOUNTS, dice.choice((0, 1, 2, 3)))
    rows = [
        f"{dice.choice(('fern', 'moss'))},{'/'.join(account)},{dice.choice(('facilitator', 'sponsor', 'staff'))},"
        f"{dice.choice(('', '2026-09-07', '2026-10-01'))},{dice.choice(('', '2026-11-02'))}"
        for account in held
    ]
    return "\n".join(["community,person,role,from,to", *rows]) + "\n"


@part
def communities(dice: random.Random) -> str:
    zone, beat = dice.choice(("UTC", "Europe/Oslo", "Pacific/Auckland")), dice.choice((7, 14))
    begins, pause = dice.choice(("", "", "begins = 2026-09-14\n")), dice.choice((False, True))
    text = f'[community.fern]\ntitle = "Fern"\ntime_zone = "{zone}"\nbeat_days = {beat}\n{begins}[community.moss]\ntitle = "Moss"\n'
    return text + ("[[community.fern.break]]\nfrom = 2026-10-05\nto = 2026-10-12\n" if pause else "")


def history(dice: random.Random, size: int) -> list[RawEvent]:
    """Bodies of three platforms as they arrive live, by time."""
    begin = NOW - timedelta(weeks=WEEKS)
    moments = sorted(begin + timedelta(minutes=dice.randrange(WEEKS * 7 * 1440)) for _ in range(size))
    events: list[RawEvent] = []
    posted: list[tuple[str, str]] = []
    for number, at in enumerate(moments):
        kind = dice.choice(("slack", "slack", "slack", "zoom", "mediawiki"))
        bodies = {"slack": _message, "zoom": _meeting, "mediawiki": _edit}[kind](dice, number, at, posted)
        events += [
            RawEvent(
                id=f"{number}:{place}", sender=f"/webhook/{kind}/main", type=f"{kind}.{type_}", source=f"webhook/{kind}/main",
                received_at=moment + timedelta(minutes=1), payload=json.dumps(body).encode(), tenant=tenant,
            )
            for place, (type_, tenant, moment, body) in enumerate(bodies)
        ]  # fmt: skip
    return events


Body = tuple[str, str, datetime, dict]


def _message(dice: random.Random, number: int, at: datetime, posted: list[tuple[str, str]]) -> Iterable[Body]:
    user, ts = dice.choice(SLACK), f"{int(at.timestamp())}.{number:06}"
    channel, thread = dice.choice(posted) if posted and dice.random() < 0.5 else (dice.choice(CHANNELS), None)
    text = dice.choice(("hello", "who has seeds?", "thanks", f"<@{dice.choice(SLACK)}> here"))
    event = {
        "type": "message", "user": user, "ts": ts, "text": text, "channel": channel, "channel_type": "channel", "event_ts": ts,
    }  # fmt: skip
    if thread:
        event["thread_ts"] = thread
    else:
        posted.append((channel, ts))
    if user == SLACK[-1] and dice.random() < 0.3:
        event |= {"bot_id": "BHELP0001"}
    around = {"type": "event_callback", "team_id": TEAM, "event_id": f"E{number}"}
    yield "event", TEAM, at, around | {"event": event}


def _meeting(dice: random.Random, number: int, at: datetime, _: list[tuple[str, str]]) -> Iterable[Body]:
    held = {"uuid": f"m{number}", "id": "81", "host_id": "zdora", "topic": "Fern", "start_time": _iso(at), "duration": 60}

    def body(event: str, moment: datetime, **more: object) -> Body:
        around = {"account_id": METERS, "object": held | more}
        return (
            "webhook",
            METERS,
            moment,
            {"event": f"meeting.{event}", "event_ts": int(moment.timestamp() * 1000), "payload": around},
        )

    yield body("started", at)
    names = [(one, None) for one in GUESTS] + [(one.partition("@")[0].title(), one) for one in MAILS]
    for place, (name, mail) in enumerate(dice.sample(names, dice.randint(1, 5))):
        who = {"user_id": str(place + 1), "user_name": name} | ({"email": mail} if mail else {})
        yield body("participant_joined", at, participant=who | {"join_time": _iso(at)})
        left = at + timedelta(minutes=dice.randint(5, 60))
        if dice.random() < 0.8:
            yield body("participant_left", left, participant=who | {"leave_time": _iso(left)})
    if dice.random() < 0.9:
        yield body("ended", at + timedelta(hours=1), end_time=_iso(at + timedelta(hours=1)))


def _edit(dice: random.Random, number: int, at: datetime, _: list[tuple[str, str]]) -> Iterable[Body]:
    user, talk = dice.choice(EDITORS), dice.random() < 0.4
    page = dice.choice(("Peat", "Clay"))
    yield "recentchange", WIKI, at, {
        "server_name": WIKI, "meta": {"domain": WIKI}, "id": number, "type": "edit", "namespace": int(talk),
        "title": f"Talk:{page}" if talk else page, "timestamp": int(at.timestamp()), "user": user,
        "bot": user == "Tidy" and dice.random() < 0.5, "minor": False, "comment": "/* Seeds */ where?" if talk else "",
        "length": {"old": 1, "new": 9}, "revision": {"old": number, "new": number + 1},
    }  # fmt: skip


def _iso(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def states(dice: random.Random, number: int) -> list[dict[str, str]]:
    """Random settings; from each to the next some parts change."""
    found = [{name: make(dice) for name, make in PARTS.items()} | {"spaces": ""}]
    while len(found) < number:
        changing = dice.sample(list(PARTS), dice.choice((0, 1, 2, len(PARTS))))
        found.append(found[-1] | {name: PARTS[name](dice) for name in changing})
    places = [("slack", TEAM, channel) for channel in CHANNELS] + [("zoom", METERS, "81"), ("mediawiki", WIKI, "*")]
    for place in places:
        owner, listed, always = (
            dice.choice(("fern", "fern", "moss")),
            dice.choice((0, 0, *range(number + 1))),
            dice.randrange(number),
        )
        for stage in range(listed, number):
            found[stage]["spaces"] += space(dice, owner, place, "" if stage >= always else "from = 2026-10-05\n")
    return found


def space(dice: random.Random, owner: str, place: tuple[str, str, str], since: str) -> str:
    """A space of a community; one that a community has stays with it, and may count from an earlier day on later."""
    platform, workspace, spaces = place
    title = "" if spaces == "*" else dice.choice(("", f'titles = {{ "{spaces}" = "{dice.choice(("seeds", "tools"))}" }}\n'))
    return (
        f'[[community.{owner}.space]]\nplatform = "{platform}"\nworkspace = "{workspace}"\nspaces = "{spaces}"\n{since}{title}'
    )


def texts(parts: dict[str, str]) -> tuple[str, dict[str, str]]:
    """guildhall.toml and the files beside it."""
    return "".join(parts[name] for name in ("communities", "spaces", "bots")), {
        f"{name}.csv": parts[name] for name in ("people", "roles")
    }


def tables(made: Installation, models: Sequence[Model]) -> dict[str, tuple]:
    """Table -> (rows, sum and xor of the hashes of rows), of every published table; shares to nine places."""
    found: dict[str, tuple] = {"landing.roles": tuple(made.rows("from landing.main.roles order by all"))}
    for model in (model for model in models if model.header.published):
        columns = made.rows(f"describe warehouse.{model.table}")
        row = ", ".join(
            f'round("{name}", 9)' if kind in {"DOUBLE", "FLOAT"} else f'"{name}"' for name, kind, *_ in sorted(columns)
        )
        query = f"select count(*), sum(hash({row})::hugeint), bit_xor(hash({row})) from warehouse.{model.table}"
        found[model.table] = made.rows(query)[0]
    return found


def differing(seed: int, folder: Path, models: Sequence[Model] = MODELS, size: int = 60) -> tuple[list[str], set[str]]:
    """One random history; the tables that differ, and the settings that changed after the first records."""
    dice = random.Random(seed)
    events = history(dice, size)
    steps = states(dice, dice.choice((2, 2, 3)))
    cuts = [0, *sorted(dice.sample(range(1, len(events)), len(steps) - 1)), len(events)]
    late, whole = _installation(folder / "late", steps[0], models), _installation(folder / "whole", steps[-1], models)
    try:
        for place, settings in enumerate(steps):
            if place:
                late.configure(*texts(settings))
                late.replay()
            part_of = events[cuts[place] : cuts[place + 1]]
            late.take(part_of)
            last = place == len(steps) - 1
            late.refresh(NOW if last else part_of[-1].received_at + timedelta(minutes=1))
        whole.take(events)
        whole.refresh(NOW)
        one, other = tables(late, models), tables(whole, models)
    finally:
        late.close()
        whole.close()
    changed = {name for name in steps[0] if len({settings[name] for settings in steps}) > 1}
    return [table for table in one if one[table] != other[table]], changed


def _installation(folder: Path, parts: dict[str, str], models: Sequence[Model]) -> Installation:
    folder.mkdir(parents=True)
    return Installation(folder, *texts(parts), models=models)


def main(histories: int) -> int:
    began, changes, faults = time.monotonic(), Counter(), {}
    for seed in range(histories):
        with tempfile.TemporaryDirectory() as folder:
            found, changed = differing(seed, Path(folder))
        changes.update(changed)
        if found:
            faults[seed] = found
            print(
                f"X history {seed}: {', '.join(sorted(changed))} changed; {len(found)} tables differ: {', '.join(found[:4])}",
                flush=True,
            )
    for name in sorted(changes):
        print(f"  {name:12} changed late in {changes[name]:4} histories")
    print(
        f"{len(faults)} of {histories} histories differ from one import with the last settings ({time.monotonic() - began:.0f} s)"
    )
    return int(bool(faults))


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 200))
