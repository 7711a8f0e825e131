"""IRC's own: shapes of lines, scribes, archives, bent records, and two real histories held to what was counted by hand."""

import gzip
import io
import json
import random
import shutil
import tarfile
import zipfile
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from events.communities import Communities, Community, SpaceRule
from events.outcome import Reason
from events.raw import RawEvent
from events.verb import Verb
from pipelines.connector import Action, ExportError, ImportOptions, PlatformEvent
from pipelines.platforms import irc
from pipelines.platforms.irc.export import Meeting, pack, read_export, tenant_of, unpack
from pipelines.platforms.irc.lines import Kind, read_lines
from pipelines.understand.understand import Context, Outcome, understand

FIXTURES = Path(__file__).parents[1] / "fixtures" / "irc"
MEETING = Meeting(tenant="garden", series="board", date=date(2026, 3, 2))
DAY = date(2026, 3, 2)
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


def actions(log: str) -> list[Action]:
    return [found for found in irc.normalise(raw(pack(MEETING, log.encode()))) if isinstance(found, Action)]


def spoke(log: str) -> list[str]:
    return [found.actor.removeprefix("name:") for found in actions(log) if found.verb is Verb.SPEAK]


def lines(log: str, zone: str = "UTC") -> list[tuple[Kind, str, str]]:
    return [(line.kind, line.nick, line.text) for line in read_lines(log, DAY, ZoneInfo(zone))]


# --- shapes of lines


@pytest.mark.parametrize(
    "log",
    [
        "<rosa> hi",
        "<@rosa> hi",
        "< rosa> hi",
        "17:05 <+rosa> hi",
        "17:05:13 <rosa> hi",
        "(17:05:13) <rosa> hi",
        "[17:05] <rosa> hi",
        "[17:05]<rosa>hi",
        "[Tue 17:05:13] <rosa>\thi",
        "[2026-03-02T17:05:13.880Z]\t<rosa>\thi",
        "2026-03-02T17:05:13 <rosa> hi",
        "2026-03-02 17:05:13\trosa\thi",
        "17:05:13\t From rosa : hi",
        "\x0304<rosa>\x0f hi\r\n",
        "# Logs\n\n**\\<rosa>** hi  \n",
        "# Logs\n\n**\\<rosa\\>** hi  \n",
        "# Logs\n\n**<rosa>** hi",
        "# Logs\n\n***\\<rosa>** hi",
        "# Logs\n\n**\\<rosa**> hi",
        "# Logs\n\n**\\<rosa>>** hi",
        "# Logs\n\n**\\<rosa>**: hi\n**\\<x>**",
        "# Logs\n\n**\\<x>**\n**\\<rosa> hi",
        "### Logs\n\n**rosa** hi",
        "**\\<rosa>** hi",
    ],
)
def test_every_form_of_a_line_is_a_turn_of_its_author(log: str) -> None:
    assert [line for line in lines(log) if line[0] is Kind.TURN] == [(Kind.TURN, "rosa", "hi")]


@pytest.mark.parametrize("log", ["17:05 * rosa waves", "[17:05] *\trosa waves", "# Logs\n\n**\\* rosa** waves\n**\\<x>**", "# Logs\n**\\<x>**\n— rosa waves"])  # fmt: skip
def test_an_act_is_of_who_does_it(log: str) -> None:
    assert (Kind.ACTION, "rosa", "waves") in lines(log)


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("* rosa (~rosa@garden.example) has joined #board", Kind.JOINED),
        ("== rosa [~rosa@garden.example] has joined #board", Kind.JOINED),
        ("-!- rosa [~rosa@garden.example] has joined #board", Kind.JOINED),
        ("--> rosa (~rosa@garden.example) has joined #board", Kind.JOINED),
        ('* rosa has quit ("gone")', Kind.LEFT),
        ("== rosa [~rosa@garden.example] has quit [Ping timeout: 180 seconds]", Kind.LEFT),
        ("* rosa has left #board", Kind.LEFT),
        ("<-- rosa (~rosa@garden.example) has left #board", Kind.LEFT),
        ("* rosa is now known as rosa_away", Kind.RENAMED),
        ("* rosa has changed the topic to: pruning", Kind.SERVER),
        ("* ChanServ sets mode +o rosa", Kind.SERVER),
        ("-!- mode/#board [+o rosa] by abel", Kind.SERVER),
    ],
)
def test_a_line_of_the_server_is_nobodys_turn(line: str, kind: Kind) -> None:
    assert [found for found, _, _ in lines(f"[17:05] {line}")] == [kind]


def test_text_that_goes_on_without_a_name_belongs_to_the_turn_before() -> None:
    assert lines("<rosa> one\ntwo\n<abel> three") == [
        (Kind.TURN, "rosa", "one\ntwo"), (Kind.CONTINUED, "", "two"), (Kind.TURN, "abel", "three"),
    ]  # fmt: skip


def test_a_line_that_begins_with_a_time_does_not_move_a_log_without_clocks() -> None:
    log = "<rosa> when?\n18:00 UTC\n<abel> good\n<rosa> bye\n<abel> bye"
    assert {line.timed for line in read_lines(log, DAY, ZoneInfo("UTC"))} == {False}


def test_lines_before_the_heading_of_the_log_are_not_turns() -> None:
    log = "---\ntitle: x\n---\n# Overview\n\n**\\<rosa>** quoted\n\n# Logs\n\n**\\<abel>** said"
    assert spoke(log) == ["abel"]


def test_order_is_kept_where_clocks_are_coarse_or_absent() -> None:
    for log in ("<a> 1\n<b> 2\n<c> 3", "[17:05] <a> 1\n[17:05] <b> 2\n[17:06] <c> 3"):
        moments = [found.occurred_at for found in actions(log)]
        assert moments == sorted(set(moments))


def test_a_clock_is_of_the_zone_that_it_names() -> None:
    (line,) = read_lines("[2026-03-02T17:05:00+02:00] <rosa> hi", DAY, ZoneInfo("America/New_York"))
    assert line.at == datetime(2026, 3, 2, 15, 5, tzinfo=UTC)


# --- who spoke


@pytest.mark.parametrize(
    "declared", ["scribe: rosa", "Scribe: rosa", "scribenick: rosa", "scribe+", "scribe+ rosa", "scribe: Rosa Moss"]
)
def test_the_turn_is_of_who_spoke_and_not_of_the_scribe(declared: str) -> None:
    assert spoke(f"<rosa> {declared}\n<rosa> Abel Fern: we prune\n<rosa> … on Monday\n<rosa> (no more)") == [
        "abel fern", "abel fern", "rosa",
    ]  # fmt: skip


def test_another_scribe_follows() -> None:
    log = "<rosa> scribe: rosa\n<rosa> fern: one\n<abel> scribe: abel\n<abel> fern: two\n<rosa> fern: do you?"
    assert spoke(log) == ["fern", "fern", "rosa"]


def test_somebody_else_may_minute_the_scribe() -> None:
    assert spoke("<rosa> scribe: rosa\n<abel> rosa: I prune\n<abel> ... on Monday\n<abel> thanks") == ["rosa", "rosa", "abel"]


def test_whoever_writes_like_a_scribe_is_one_without_being_named() -> None:
    minutes = "<rosa> present+\n<rosa> abel: one\n<rosa> ... two\n<rosa> fern: three\n<rosa> ... four\n<rosa> ... five"
    assert spoke(minutes) == ["abel", "abel", "fern", "fern", "fern"]
    assert spoke(minutes.replace("<rosa> ... five", "<rosa> five")) == ["rosa"] * 5


@pytest.mark.parametrize(
    "text", ["Note: wet", "https://garden.example/: see", "10:30 is late", "the plan for us all: prune", "ACTION: Fern prunes"]
)
def test_what_is_no_name_before_a_colon_makes_nobody_speak(text: str) -> None:
    assert spoke(f"<rosa> scribe: rosa\n<rosa> {text}") == ["rosa"]


@pytest.mark.parametrize("text", ["q+", "q+ to ask", "+q", "q?", "q-", "ack rosa", "s/wed/wet/", "Topic: pruning", "agenda+ plan", "zakim, who is here?", "voip: mute 8af", "regrets+ fern"])  # fmt: skip
def test_words_to_the_machinery_are_turns_in_conversation_and_none_in_minutes(text: str) -> None:
    assert spoke(f"<rosa> scribe: rosa\n<abel> {text}") == []
    assert spoke(f"<abel> {text}") == ["abel"]


def test_a_name_is_addressed_only_where_the_log_knows_it() -> None:
    found = actions("<rosa> hi\n<abel> rosa, fern: come\n<abel> note: wet\n<fern> @rosa and @nobody\n<rosa> fern, abel: yes")
    assert [mentioned.mentions for mentioned in found] == [
        (), ("name:rosa", "name:fern"), (), ("name:rosa",), ("name:fern", "name:abel"),
    ]  # fmt: skip


def test_who_is_there_does_not_come_again_before_leaving() -> None:
    log = "17:00 <rosa> present+\n17:01 <rosa> present+\n17:02 * rosa has quit (gone)\n17:03 <rosa> present+"
    assert [(found.started_at is not None, found.ended_at is not None) for found in actions(log)] == [
        (True, False), (False, True), (True, False),
    ]  # fmt: skip


def test_a_corrected_log_and_the_raw_one_give_the_same_ids() -> None:
    log = "[2026-03-02T17:05:13.880Z]\t<rosa>\tpresent+\n[2026-03-02T17:05:14.000Z]\t<rosa>\thello\n"
    corrected = "[2026-03-02T17:05:00.000Z]\t<abel>\tscribe: abel\n" + log.replace("hello", "Hello!")
    assert [found.key for found in actions(log)] == [found.key for found in actions(corrected)]


def test_no_name_is_in_an_id_or_a_key() -> None:
    for path in FIXTURES.glob("*.json"):
        payload = json.loads(path.read_text())["raw"]["payload_text"].encode()
        for interaction in outcome(payload).interactions:
            kept = interaction.model_dump_json(exclude={"features"}).casefold()
            assert not [name for name in ("rosa", "abel", "fern", "garden.example/") if name in kept]


# --- archives and folders

LOG = b"<rosa> hello\n<abel> hello\n"


def read(path: Path, **options: str) -> list[PlatformEvent]:
    return list(read_export(path, ImportOptions(**options)))


def folder(root: Path, **files: bytes) -> Path:
    for name, content in files.items():
        path = root / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return root


@pytest.mark.parametrize(
    ("name", "meeting"),
    [
        ("2026-03-02-logs-for-the-Board-meeting-held-on-2026-03-02.md", "board:2026-03-02"),
        ("2026-03-02-garden-board-meeting.md", "board:2026-03-02"),
        ("board/2026-03-02.log", "board:2026-03-02"),
        ("logs/board/2026/20260302.txt", "board:2026-03-02"),
        ("2026-03-02-board/irc.log", "board:2026-03-02"),
        ("2026-03-02-board/2026-03-02-irc.log", "board:2026-03-02"),
        ("2026-03-02/irc.log", "main:2026-03-02"),
        ("2026-03-02-1/irc.log", "main:2026-03-02:1"),
        ("board.2026-03-02-17.00.log.txt", "board:2026-03-02:17.00"),
    ],
)
def test_the_path_of_a_log_identifies_its_meeting(tmp_path: Path, name: str, meeting: str) -> None:
    for other in (name, "README.md"):
        folder(tmp_path, **{other.replace("/", "__"): LOG if other == name else b"# Logs of the garden\n"})
    assert [event.id for event in read(tmp_path, tenant="garden")] == [meeting]


def test_the_record_holds_the_log_byte_for_byte(tmp_path: Path) -> None:
    log = b"\xff\xfe <rosa> h\xe9llo\r\n<rosa> hi\r\n"
    (event,) = read(folder(tmp_path, **{"2026-03-02.log": log}), tenant="garden")
    assert unpack(event.payload) == (Meeting(tenant="garden", series="main", date=DAY), log)


def test_of_a_raw_log_and_its_corrected_copy_the_corrected_is_taken(tmp_path: Path) -> None:
    files = {"2026-03-02__irc-raw.log": b"<rosa> helo\n", "2026-03-02__irc.log": LOG, "2026-03-02__email.log": LOG}
    (event,) = read(folder(tmp_path, **files))
    assert unpack(event.payload)[1] == LOG


def test_a_page_that_is_there_twice_is_one_meeting_and_another_of_that_day_is_another(tmp_path: Path) -> None:
    files = {
        "2026-03-02-board-meeting.md": LOG,
        "2026-03-02-garden-board-meeting.md": LOG + b"<rosa> bye\n",
        "2026-03-02-the-board-meeting.md": b"<fern> one\n<fern> two\n",
    }
    assert [event.id for event in read(folder(tmp_path, **files), tenant="garden")] == [
        "board:2026-03-02",
        "board:2026-03-02:2",
    ]


def test_zip_tar_and_folder_give_the_same(tmp_path: Path) -> None:
    root = folder(tmp_path / "garden-logs", **{"2026-03-02-board__irc.log": LOG, "2026-03-09-board__irc.log": LOG + b"<x> y\n"})
    shutil.make_archive(str(tmp_path / "garden-meetings-2026"), "gztar", tmp_path, "garden-logs")
    shutil.make_archive(str(tmp_path / "garden"), "zip", root)
    archives = (root, tmp_path / "garden-meetings-2026.tar.gz", tmp_path / "garden.zip")
    assert len({tuple((event.id, event.payload) for event in read(path)) for path in archives}) == 1


@pytest.mark.parametrize(
    ("name", "tenant"), [("monero-meetings.tar.gz", "monero"), ("w3c-ccg-2014-2020.tgz", "w3c-ccg"), ("irc-logs", "irc")]
)
def test_the_tenant_comes_from_the_name_of_the_archive(name: str, tenant: str) -> None:
    assert tenant_of(Path(name)) == tenant


def test_no_name_in_a_tar_becomes_a_path(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "garden.tar", "w") as archive:
        for name, kind in (("../../2026-03-02.log", tarfile.REGTYPE), ("2026-03-09.log", tarfile.SYMTYPE)):
            member = tarfile.TarInfo(name)
            member.type, member.linkname, member.size = kind, "/etc/passwd", len(LOG) if kind == tarfile.REGTYPE else 0
            archive.addfile(member, io.BytesIO(LOG))
    assert [event.id for event in read(tmp_path / "garden.tar")] == ["main:2026-03-02"]
    assert [path.name for path in tmp_path.iterdir()] == ["garden.tar"]


@pytest.mark.parametrize("kept", [0.3, 0.6, 0.9])
@pytest.mark.parametrize("kind", ["gztar", "zip"])
def test_an_archive_that_is_cut_off_is_refused_in_three_parts(tmp_path: Path, kind: str, kept: float) -> None:
    noise = random.Random(7).randbytes(40_000).hex().encode()
    root = folder(tmp_path / "in", **{f"2026-03-0{day}-board.log": b"<rosa> " + noise + b"\n" for day in range(1, 4)})
    whole = Path(shutil.make_archive(str(tmp_path / "garden"), kind, root)).read_bytes()
    cut = tmp_path / ("cut.zip" if kind == "zip" else "cut.tar.gz")
    cut.write_bytes(whole[: int(len(whole) * kept)])
    with pytest.raises(ExportError) as error:
        read(cut)
    assert error.value.what
    assert error.value.why
    assert error.value.todo


@pytest.mark.parametrize("files", [{}, {"notes.txt": LOG}, {"2026-03-02.md": b"# Overview\n\nNobody said anything.\n"}, {"2026-99-99.log": LOG}])  # fmt: skip
def test_a_folder_without_a_log_is_refused_in_three_parts(tmp_path: Path, files: dict[str, bytes]) -> None:
    with pytest.raises(ExportError, match="no log of a meeting") as error:
        read(folder(tmp_path, **files))
    assert error.value.why
    assert error.value.todo


def test_an_unknown_time_zone_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="no time zone Garden/Shed"):
        read(folder(tmp_path, **{"2026-03-02.log": LOG}), time_zone="Garden/Shed")


def test_clocks_that_name_no_zone_are_of_the_zone_that_is_given(tmp_path: Path) -> None:
    (event,) = read(folder(tmp_path, **{"2026-03-02.log": b"[17:05] <rosa> hi\n"}), time_zone="America/New_York")
    (found,) = (each for each in irc.normalise(raw(event.payload)) if isinstance(each, Action))
    assert found.occurred_at == datetime(2026, 3, 2, 22, 5, tzinfo=UTC)


def test_no_such_archive(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="cannot be read"):
        read(tmp_path / "nowhere.tar.gz")


@pytest.mark.parametrize(
    "content", [b"", b"PK", gzip.compress(b"", mtime=0), gzip.compress(b"no tar", mtime=0), b"<rosa> hi\n"]
)
def test_a_file_that_is_not_an_archive_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "garden.tar.gz").write_bytes(content)
    with pytest.raises(ExportError):
        read(tmp_path / "garden.tar.gz")


def test_a_zip_may_hold_them_too(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "garden.zip", "w") as archive:
        archive.writestr("2026-03-02.log", LOG)
    assert [event.id for event in read(tmp_path / "garden.zip")] == ["main:2026-03-02"]


# --- bent records

_LOGS = [json.loads(path.read_text())["raw"]["payload_text"] for path in sorted(FIXTURES.glob("*.json"))]
_PIECES = st.one_of(
    st.text(max_size=12),
    st.sampled_from(["<", ">", "**", "\\<", "[", "]", "\n", "\t", "scribe: ", "present+ ", "... ", ": ", "* ", "== ", "\x00", "\ud800".encode("utf-8", "surrogatepass").decode("utf-8", "replace"), "[99:99] ", "[9999-12-31T23:59:59Z] ", "[0001-01-01T00:00:00+14:00] ", "23:59 ", "00:00 ", "http://[", "https://garden.example:99999999/", "From x : ", " [SIP/1] has joined ", "a" * 300, "@" * 50, "(" * 200]),
)  # fmt: skip


@settings(max_examples=2_500, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_a_bent_record_is_never_a_fault_of_ours(data: st.DataObject) -> None:
    # Each example bends four records, so 10,000 are tried.
    for original in data.draw(st.lists(st.sampled_from(_LOGS), min_size=4, max_size=4)):
        bent = original
        for _ in range(data.draw(st.integers(1, 3))):
            place = data.draw(st.integers(0, len(bent)))
            bent = bent[:place] + data.draw(_PIECES) + bent[place + data.draw(st.integers(0, 8)) :]
        found = outcome(bent.encode())
        assert found.record.reason is not Reason.NORMALISER_FAILED, (bent, found.record.detail)
        assert len({interaction.event_id for interaction in found.interactions}) == len(found.interactions)


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_bytes_behind_a_meeting_are_never_a_fault_of_ours(log: bytes) -> None:
    assert outcome(pack(MEETING, log)).record.reason in {None, Reason.NOT_PARTICIPATION}


@given(st.binary(max_size=200))
def test_bytes_without_a_meeting_are_not_understood(body: bytes) -> None:
    assert outcome(body).record.reason is Reason.UNREADABLE_PAYLOAD
