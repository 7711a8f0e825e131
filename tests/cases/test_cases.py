"""The cases of `../shared/data/cases`: small inputs in the shape of reported faults, each with its right value.

`python tests/cases/test_cases.py` prints a table: case, what, expected, got.
"""

import json
import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY))

from events.errors import GuildhallError  # noqa: E402 - the repository is on the path only now
from tests.cases.installation import SETTINGS, Installation  # noqa: E402

FOLDER = REPOSITORY.parent / "shared" / "data" / "cases"
pytestmark = pytest.mark.skipif(not FOLDER.exists(), reason="../shared/data/cases is not on this machine")

CASES: dict[str, Callable[[Path, Path], list[tuple[str, object, object]]]] = {}
"""Case -> a function of the case's folder and a folder to work in, which returns (what, expected, got)."""

COUNTS = """
    select count(*) filter (is_contribution and actor_kind = 'human'), count(distinct member) filter (actor_kind = 'human')
    from core.interactions
"""
ANSWERS_TO_THE_OPENING = """
    select count(*) from core.replies
    join core.interactions as opening on opening.object_id = replies.thread_id and opening.member = replies.to_member
"""
MEMBERS_OF_WEEKS = """
    select count(distinct member) from core.interactions where actor_kind = 'human' group by week order by week
"""


def case(name: str):
    def keep(function):
        CASES[name] = function
        return function

    return keep


def simple(
    name: str, platform: str, kind: str, files: tuple[str, ...], checks: list[tuple[str, object, str]], **options
) -> None:
    """A case that imports files and asks queries: (what, expected, query)."""

    def check(folder: Path, work: Path):
        made = installed(folder, work, platform)
        for file in files:
            made.imports(kind, folder / file, **options)
        made.refresh()
        return [(what, expected, made.rows(query)) for what, expected, query in checks]

    CASES[name] = check


def installed(folder: Path, work: Path, platform: str, files: dict[str, str] | None = None) -> Installation:
    path = folder / "guildhall.toml"
    return Installation(work, path.read_text() if path.exists() else SETTINGS.format(platform=platform), files)


def refused(call: Callable[[], object]) -> str:
    """The words of a refusal; empty where nothing is refused."""
    try:
        call()
    except GuildhallError as error:
        return f"{error.what} {error.why} {error.todo}"
    return ""


simple(
    "s1-zip-utf8-without-flag", "slack", "slack-export", ("export.zip",),
    [
        ("contributions, members", [(5, 3)], COUNTS),
        ("spaces", [(2,)], "select count(distinct space) from core.interactions"),
    ],
)  # fmt: skip
simple("s13-zip-with-backslashes", "slack", "slack-export", ("export.zip",), [("contributions, members", [(2, 2)], COUNTS)])
simple("s7-lone-surrogate", "slack", "slack-export", ("export",), [("contributions, members", [(2, 2)], COUNTS)])
simple("s16-null-lists", "slack", "slack-export", ("export",), [("contributions, members", [(2, 2)], COUNTS)])
simple(
    "s10-channel-joins", "slack", "slack-export", ("export",),
    [
        ("contributions, members", [(1, 1)], COUNTS),
        ("joins at most", [(True,)], "select count(*) filter (verb = 'join') <= 1 from core.interactions"),
    ],
)  # fmt: skip
simple("s11-merged-exports", "slack", "slack-export", ("export-1", "export-2"), [("contributions, members", [(4, 3)], COUNTS)])
simple(
    "s14-a-message-of-1970", "slack", "slack-export", ("export",),
    [("no evaluation before September 2026", [(True,)], "select min(window_end) >= timestamp '2026-09-01' from core.windows")],
)  # fmt: skip
simple(
    "s3-grid-org-users", "slack", "slack-export", ("export",),
    [
        ("human members", [(2,)], "select count(distinct member) from core.interactions where actor_kind = 'human'"),
        ("bots", [(1,)], "select count(distinct member) from core.interactions where actor_kind = 'bot'"),
    ],
)  # fmt: skip
simple(
    "s4-old-file-comments", "slack", "slack-export", ("export",),
    [
        ("contributions, members", [(4, 3)], COUNTS),
        (
            "contributions by member", [(1,), (1,), (2,)],
            "select count(*) from core.interactions where is_contribution group by member order by 1",
        ),
    ],
)  # fmt: skip
simple(
    "s6-human-words-through-an-app", "slack", "slack-export", ("export",),
    [
        (
            "human contributions of beppe and anna", [(1,), (3,)],
            "select count(*) from core.interactions where is_contribution and actor_kind = 'human' group by member order by 1",
        ),
        ("bots' records at least 2", [(True,)], "select count(*) >= 2 from core.interactions where actor_kind <> 'human'"),
    ],
)  # fmt: skip


@case("slack-answers")
def slack_answers(folder: Path, work: Path):
    made = installed(folder, work, "slack")
    made.imports("slack-export", folder / "export")
    made.refresh()
    share = "select round(response_rate_share, 2) from metrics.response_rate where response_rate_share is not null order by window_end desc limit 1"
    unmarked = made.rows(share)
    text = (folder / "guildhall.toml").read_text()
    names = ["UWORK"]  # the program that posts as a user
    made.configure(text + f'\n[[bots]]\nplatform = "slack"\nworkspace = "TANSW"\naccounts = {json.dumps(names)}\n')
    made.refresh()
    return [("H1 with the unmarked program", [(0.5,)], unmarked), (f"H1 with {names} listed", [(0.25,)], made.rows(share))]


simple(
    "slack-caf", "slack", "slack-export", ("export",),
    [
        (
            "absence factor, contributors", [(10, 20)],
            "select distinct contributor_absence_factor, contributors from metrics.contributor_absence_factor where contributors = 20",
        )
    ],
)  # fmt: skip


@case("slack-holiday")
def slack_holiday(folder: Path, work: Path):
    made = installed(folder, work, "slack")
    made.imports("slack-export", folder / "export")
    made.refresh()
    low = "select min(liveness_share) from metrics.liveness where liveness_share is not null"
    falls = "select count(*) from levels.history where changed_by in ('silence', 'less') "
    return [("liveness at the lowest", [(1.0,)], made.rows(low)), ("moves by silence", [(0,)], made.rows(falls))]


@case("slack-newaccount")
def slack_newaccount(folder: Path, work: Path):
    made = installed(folder, work, "slack")
    made.imports("slack-export", folder / "export")
    made.refresh()
    before = made.rows("select max(new_contributors) from metrics.new_contributors")
    made.configure((folder / "guildhall.toml").read_text(), {"people.csv": (folder / "people.csv.later").read_text()})
    made.refresh()
    return [
        ("N1 before linking", [(10,)], before),
        ("N1 with people.csv", [(0,)], made.rows("select max(coalesce(new_contributors, 0)) from metrics.new_contributors")),
        ("retention", [(1.0, 1.0)], made.rows("select min(retention_share), max(retention_share) from metrics.retention")),
        (
            "contributors in every whole window", [(30, 30)],
            made.rows("select min(active_contributors), max(active_contributors) from metrics.active_contributors where previous_contributors > 0"),
        ),
    ]  # fmt: skip


simple(
    "slack-veterans", "slack", "slack-export", ("export",),
    [
        ("N1 measured", [(0,)], "select count(new_contributors) from metrics.new_contributors"),
        ("N2 measured", [(0,)], "select count(newcomer_welcome_share) from metrics.newcomer_welcome"),
        ("N3 measured", [(0,)], "select count(newcomer_wait_hours) from metrics.newcomer_wait"),
        ("N4 measured", [(0,)], "select count(newcomer_survival_share) from metrics.newcomer_survival"),
        ("newcomers", [(0,)], "select count(*) filter (newcomer) from levels.evaluations"),
    ],
)  # fmt: skip
simple(
    "m1-renamed-account", "mediawiki", "mediawiki-recentchange", ("changes.jsonl",),
    [
        ("members in all weeks", [(3,)] * 8, MEMBERS_OF_WEEKS),
        ("members", [(3,)], "select count(distinct member) from core.interactions"),
    ],
)  # fmt: skip
simple(
    "m2-addresses-and-temporary-accounts", "mediawiki", "mediawiki-recentchange", ("changes.jsonl",),
    [
        ("people with an account", [(2,)], "select count(distinct member) from core.interactions where actor_kind = 'human'"),
        ("anonymous edits kept apart", [(8,)], "select count(*) from core.interactions where actor_kind = 'anonymous'"),
        ("members with a level", [(2,)], "select count(distinct member) from levels.evaluations"),
    ],
)  # fmt: skip


@case("m3-suppressed-name")
def suppressed(folder: Path, work: Path):
    made = installed(folder, work, "mediawiki")
    found = made.imports("mediawiki-recentchange", folder / "changes.jsonl")
    made.refresh()
    return [
        ("contributions of people", [(3,)], made.rows("select count(*) filter (is_contribution) from core.interactions where actor_kind = 'human'")),
        ("rejected", 0, sum(n for (verdict, _), n in found.items() if verdict == "rejected")),
        ("set apart as ignored", 2, sum(n for (verdict, _), n in found.items() if verdict == "ignored")),
    ]  # fmt: skip


@case("m4-curl-of-the-stream")
def curl(folder: Path, work: Path):
    made = installed(folder, work, "mediawiki")
    words = refused(lambda: made.imports("mediawiki-recentchange", folder / "changes.txt"))
    made.refresh()
    found = made.rows("select count(*), count(distinct member) from core.interactions")
    other = []
    for name in ("api.json", "api-list.json", "page_change.jsonl"):
        one = Installation(Path(tempfile.mkdtemp(dir=work)), SETTINGS.format(platform="mediawiki"))
        refusal = refused(
            lambda one=one, name=name: one.imports("mediawiki-recentchange", folder / name, tenant="wiki.alder.example")
        )
        one.refresh()
        other.append(
            (f"{name}: read or refused by name", True, bool(refusal) or one.one("select count(*) > 0 from core.interactions"))
        )
        one.close()
    return [("the stream's own text", [(3, 2)], words or found), *other]


simple(
    "m5-a-bot-forgets-its-flag", "mediawiki", "mediawiki-recentchange", ("changes.jsonl",),
    [
        ("human members", [(2,)], "select count(distinct member) from core.interactions where actor_kind = 'human'"),
        ("members with a level", [(2,)], "select count(distinct member) from levels.evaluations"),
    ],
)  # fmt: skip


@case("m6-powershell-and-windows")
def encodings(folder: Path, work: Path):
    found = []
    for name in ("bom.jsonl", "utf16.jsonl"):
        made = Installation(Path(tempfile.mkdtemp(dir=work)), SETTINGS.format(platform="mediawiki"))
        made.imports("mediawiki-recentchange", folder / name)
        made.refresh()
        found.append((name, [(3, 2)], made.rows("select count(*), count(distinct member) from core.interactions")))
        made.close()
    return found


@case("z1-resolved-by-the-notification-bot")
def resolved(folder: Path, work: Path):
    made = installed(folder, work, "zulip")
    made.imports("zulip-archive", folder / "zulip_json", tenant="case")
    made.refresh()
    return [
        ("people", [(3,)], made.rows("select count(distinct member) from core.interactions where actor_kind = 'human'")),
        ("question threads, answered", [(4, 0)], made.rows(
            "select count(*), count(first_reply_at) from core.threads where is_question and starter_kind = 'human'"
        )),
    ]  # fmt: skip


@case("z2-topic-renamed-between-two-archives")
def renamed_topic(folder: Path, work: Path):
    made = installed(folder, work, "zulip")
    made.imports("zulip-archive", folder / "first", tenant="case")
    made.imports("zulip-archive", folder / "second", tenant="case")
    made.refresh()
    return [
        ("messages, people", [(5, 2)], made.rows(COUNTS)),
        ("threads", [(1,)], made.rows("select count(distinct thread_id) from core.interactions")),
    ]


@case("z3-own-export-null-privacy")
def null_privacy(folder: Path, work: Path):
    made = installed(folder, work, "zulip")
    made.imports("zulip-archive", folder / "export", tenant="case")
    made.refresh()
    return [
        ("interactions of public streams", [(4,)], made.rows("select count(*) from core.interactions where medium = 'chat'"))
    ]


@case("z5-names-first-numbers-later")
def numbers_later(folder: Path, work: Path):
    made = installed(folder, work, "zulip")
    made.imports("zulip-archive", folder / "zulip_json", tenant="case")
    made.imports("zulip-archive", folder / "export", tenant="case")
    made.refresh()
    by_member = "select count(*) from core.interactions where is_contribution group by member order by 1"
    return [("contributions, people", [(8, 2)], made.rows(COUNTS)), ("by person", [(4,), (4,)], made.rows(by_member))]


@case("l1-live-shared-channel")
def shared_channel(folder: Path, work: Path):
    settings = SETTINGS.format(platform="slack").replace('workspace = "*"', 'workspace = "TALDER001"')
    made = Installation(work, settings)
    for line in (folder / "bodies.jsonl").read_text().splitlines():
        made.post("slack", line.encode(), now=datetime.fromtimestamp(json.loads(line)["event_time"], UTC))
    made.refresh(datetime(2026, 11, 30, tzinfo=UTC))
    return [
        ("contributions, people", [(3, 2)], made.rows(COUNTS)),
        ("answered by boris", [(1,)], made.rows(ANSWERS_TO_THE_OPENING)),
    ]  # fmt: skip


@case("breakout")
def breakout(folder: Path, work: Path):
    return minutes(folder, work, [70, 90, 90, 90], "not hosted or minutes < 90")


@case("two-devices")
def two_devices(folder: Path, work: Path):
    return minutes(folder, work, [50, 60, 60, 60, 60])


@case("redelivery")
def redelivery(folder: Path, work: Path):
    made = installed(folder, work, "zoom")
    made.imports("zoom-webhooks", folder / "input.jsonl")
    made.refresh()
    return [
        (
            "minutes of Ane",
            True,
            (55.0,) in [(round(m),) for (m,) in made.rows("select minutes from core.attendance where minutes is not null")],
        )
    ]


def minutes(folder: Path, work: Path, expected: list[int], _where: str = ""):
    made = installed(folder, work, "zoom")
    made.imports("zoom-webhooks", folder / "input.jsonl")
    made.refresh()
    found = sorted(round(m) for (m,) in made.rows("select minutes from core.attendance where minutes is not null"))
    return [("minutes present", expected, list(found)[: len(expected)] if len(found) >= len(expected) else found)]


simple(
    "host-drop", "zoom", "zoom-webhooks", ("input.jsonl",),
    [
        ("meetings", [(10,)], "select count(*) from core.meetings"),
        ("attendees in each", [(5,)], "select distinct attendees from core.meetings"),
        (
            "cadence in days, variation", [(7.0, 0.0)],
            "select meeting_cadence_days, cadence_variation from metrics.meeting_cadence where meeting_cadence_days is not null order by window_end desc limit 1",
        ),
    ],
)  # fmt: skip
simple(
    "sunday-midnight", "zoom", "zoom-webhooks", ("input.jsonl",),
    [
        (
            "liveness of weekly beats, or of fortnightly ones", [(True,)],
            "select bool_and(liveness_share = if(beat_days = 7, 0.5, 1.0)) from metrics.liveness where window_end between timestamp '2026-10-12' and timestamp '2026-11-02'",
        ),
        (
            "nobody attended in a week without a meeting", [(0,)],
            "select count(*) from (select week from core.attendance except select week from core.meetings)",
        ),
    ],
)  # fmt: skip
simple(
    "meeting-only", "zoom", "zoom-webhooks", ("input.jsonl",),
    [
        ("contributors", [(10,)], "select count(distinct member) from core.interactions where is_contribution"),
        ("attendees", [(24,)], "select count(distinct member) from core.attendance"),
        ("core at least the four hosts", [(True,)], "select count(*) >= 4 from levels.current where level = 'core'"),
    ],
)  # fmt: skip
simple(
    "notetakers", "zoom", "zoom-webhooks", ("input.jsonl",),
    [
        ("attendees", [(2,)], "select distinct attendees from core.meetings"),
        ("people with a level at most 2", [(True,)], "select count(distinct member) <= 2 from levels.evaluations"),
        ("beats alive", [(0,)], "select max(alive_beats) from metrics.liveness"),
    ],
)  # fmt: skip


@case("same-name")
def same_name(folder: Path, work: Path):
    made = installed(folder, work, "zoom")
    made.imports("zoom-webhooks", folder / "input.jsonl")
    made.refresh()
    return [
        ("attendees", [(4,)], made.rows("select distinct attendees from core.meetings")),
        ("people with a level", [(1,)], made.rows("select count(distinct member) from levels.evaluations")),
    ]


simple(
    "dial-in", "zoom", "zoom-webhooks", ("input.jsonl",),
    [
        ("attendees", [(4,)], "select distinct attendees from core.meetings"),
        ("people with a level", [(2,)], "select count(distinct member) from levels.evaluations"),
    ],
)  # fmt: skip
simple(
    "signed-in-or-not", "zoom", "zoom-webhooks", ("input.jsonl",),
    [
        ("people", [(3,)], "select count(distinct member) from core.attendance"),
        ("meetings of each", [(12,)], "select distinct n from (select count(distinct occurrence) as n from core.attendance group by member)"),
    ],
)  # fmt: skip


@case("late-bots")
def late_bots(folder: Path, work: Path):
    made = installed(folder, work, "zoom")
    made.imports("zoom-webhooks", folder / "input.jsonl")
    made.refresh()
    before = made.rows("select distinct attendees from core.meetings")
    made.configure((folder / "guildhall.toml").read_text() + "\n" + (folder / "bots.toml").read_text())
    made.refresh()
    return [
        ("attendees before", [(3,)], before),
        ("attendees with the list", [(2,)], made.rows("select distinct attendees from core.meetings")),
        ("people with a level", [(2,)], made.rows("select count(distinct member) from levels.evaluations")),
    ]


@case("irc-bots")
def irc_bots(folder: Path, work: Path):
    made = installed(folder, work, "irc")
    made.imports("irc-meetings", folder / "logs", tenant="irc-bots")
    made.refresh()
    return [
        ("people", [(2,)], made.rows("select count(distinct member) from core.interactions where actor_kind = 'human'")),
        ("beats alive", [(0,)], made.rows("select max(alive_beats) from metrics.liveness")),
    ]


@case("irc-latin1")
def irc_latin1(folder: Path, work: Path):
    made = installed(folder, work, "irc")
    made.imports("irc-meetings", folder / "logs", tenant="irc-latin1")
    made.refresh()
    return [
        ("attendees by series", [(3,), (4,)], made.rows("select distinct attendees from core.meetings order by 1")),
        ("people", [(5,)], made.rows("select count(distinct member) from core.attendance")),
    ]


@case("irc-oneday")
def irc_oneday(folder: Path, work: Path):
    made = Installation(work, SETTINGS.format(platform="irc"))
    made.imports("irc-meetings", folder / "logs", tenant="loom")
    made.refresh()
    return [("meetings", [(1,)], made.rows("select count(*) from core.meetings"))]


@case("irc-styles")
def irc_styles(folder: Path, work: Path):
    found = []
    for path in sorted((folder / "logs").iterdir()):
        home = Path(tempfile.mkdtemp(dir=work))
        (home / "logs").mkdir()
        (home / "logs" / path.name).write_bytes(path.read_bytes())
        made = installed(folder, home, "irc")
        try:
            made.imports("irc-meetings", home / "logs", tenant="irc-styles")
            made.refresh()
            got = made.rows("""
                select count(distinct member), count(*) filter (verb = 'speak') from core.interactions where actor_kind = 'human'
            """)
        except GuildhallError as error:
            got = error.why
        made.close()
        found.append((path.stem.removeprefix("2026-10-05-") + ": attendees, turns", [(3, 7)], got))
    return found


@case("zoom-files")
def zoom_files(folder: Path, work: Path):
    found = []
    for name, word in (("array.json", "array"), ("logged.jsonl", "before"), ("participants_70000000015.csv", "CSV")):
        made = Installation(Path(tempfile.mkdtemp(dir=work)), (folder / "guildhall.toml").read_text())
        words = refused(lambda made=made, name=name: made.imports("zoom-webhooks", folder / name))
        made.refresh()
        read = made.one("select count(*) > 0 from core.attendance") if made.offset else False
        found.append((f"{name}: read, or named in the refusal", True, bool(read) or word in words or made.offset > 0))
        made.close()
    return found


def outcome(name: str) -> list[tuple[str, object, object]]:
    with tempfile.TemporaryDirectory() as work:
        return CASES[name](FOLDER / name, Path(work))


OPEN: set[str] = set()  # fmt: skip
"""Cases whose value is still wrong. Take a name out when its value is right: the mark is strict."""


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.xfail(strict=True) if name in OPEN else ()) for name in sorted(CASES)]
)
def test_a_case_has_its_right_value(name):
    rows = outcome(name)
    assert [(what, got) for what, _, got in rows] == [(what, expected) for what, expected, _ in rows]


def test_every_case_is_tried():
    assert {path.name for path in FOLDER.iterdir() if path.is_dir()} == set(CASES)


def main() -> int:
    missed = 0
    for name in sorted(CASES):
        try:
            rows = outcome(name)
        except Exception as error:  # noqa: BLE001 - a table goes on
            rows = [("runs", "", f"{type(error).__name__}: {error}")]
        for what, expected, got in rows:
            missed += got != expected
            print(f"{'  ' if got == expected else 'X '}{name:38} {what:44} {expected!s:24} {got!s:.90}", flush=True)
    print(f"{missed} missed")
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main())
