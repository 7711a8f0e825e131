"""Histories: random ones, in which everything happens that can: threads, revisions, moves, reverts, conflicts, meetings, bots."""

from datetime import timedelta

from hypothesis import strategies as st

from tests.warehouse.landing_rows import Row, act, content_hash, edited, met, moment, posted, revised

BEGIN = moment("2024-01-01")
WEEKS = 6
MINUTES = WEEKS * 7 * 24 * 60
PEOPLE = ("ana", "ben", "cleo", "dan", "rss")
KINDS = (
    "posted",
    "posted",
    "posted",
    "asked",
    "answer",
    "answer",
    "topic",
    "react",
    "made",
    "edit",
    "edit",
    "revert",
    "came",
    "went",
)
RARER = ("speak", "host", "join", "leave", "changed", "changed", "conflict", "talk")


def at(minute: int):
    return BEGIN + timedelta(minutes=minute)


@st.composite
def histories(draw, size: int = 60) -> list[Row]:
    """Rows as they would land, in no order; some revise, undo, answer or contradict others."""
    rows: list[Row] = []
    # Few moments, so that ties in time happen; evenings before Mondays, so that weeks are crossed.
    moments = st.one_of(
        st.integers(0, MINUTES - 1),
        st.integers(0, WEEKS * 7 - 1).map(lambda day: day * 1440 + 540),
        st.integers(1, WEEKS - 1).flatmap(lambda week: st.integers(-90, 90).map(lambda off: week * 10_080 + off)),
    )
    for number in range(draw(st.integers(1, size))):
        kind, who, minute = draw(st.sampled_from(KINDS + RARER)), draw(st.sampled_from(PEOPLE)), draw(moments)
        other = rows[draw(st.integers(0, len(rows) - 1))] if rows else None
        common = {
            "event_id": f"e{number:03}",
            "actor_kind": "bot" if who == "rss" else "human",
            "community": other["community"]
            if other and kind in ("answer", "react", "revert")
            else draw(st.sampled_from("ccd")),
            "space": draw(st.sampled_from(("general", "help"))),
            "mentions": draw(st.lists(st.sampled_from(PEOPLE), max_size=1)) if kind in ("posted", "speak") else [],
        }
        rows.extend(_action(kind, who, at(minute), other, common, draw))
    return rows


def _action(kind, who, when, other, common, draw) -> list[Row]:  # noqa: C901, PLR0912 - one case a kind
    if kind in ("answer", "react", "revert", "changed", "conflict") and other is None:
        kind = "posted"
    match kind:
        case "asked":
            return [posted(who, when, **common, is_question=True)]
        case "answer":
            return [posted(who, when, **common, thread_id=other["object_id"], reply_to_id=other["object_id"])]
        case "topic":
            return [posted(who, when, **common, thread_id="topic")]
        case "react":
            return [act(who, when, "react", **common, object_id=other["object_id"], reply_to_id=other["object_id"])]
        case "made" | "edit":
            return [edited(who, when, verb="create" if kind == "made" else "edit", **common)]
        case "talk":
            return [act(who, when, **common, medium="wiki", object_id="talk", object_kind="page")]
        case "revert":
            return [edited(who, when, verb="revert", **common, reply_to_id=other["event_id"])]
        case "came" | "went":
            return [met(who, when, **common, **{"started_at" if kind == "came" else "ended_at": when})]
        case "speak" | "host":
            return [met(who, when, kind, **common)]
        case "join" | "leave":
            return [act(who, when, kind, **common, object_kind="community", object_id="c")]
        case "changed":
            change = draw(st.sampled_from(("edit", "delete", "restore", "move")))
            where = {"space": "moved", "thread_id": None} if change == "move" else {}
            return [revised(other, change, draw(st.integers(1, 3)), event_id=common["event_id"], occurred_at=when, **where)]
        case "conflict":
            row = other | {"size": draw(st.integers(0, 9)), "occurred_at": when, "normaliser_version": draw(st.integers(1, 2))}
            return [row | {"content_hash": content_hash(row)}]
    return [posted(who, when, **common)]
