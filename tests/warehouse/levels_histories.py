"""Histories: invented interactions by the seed, small for tests and large for benchmarks, as rows of the landing file."""

from datetime import datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

START = np.datetime64("2023-01-02T00:00:00", "us")
WEEK = np.timedelta64(7, "D").astype("timedelta64[us]")
VERBS = ("post", "reply", "react", "edit", "revert", "attend", "host", "thank", "view", "moderate", "join", "leave")
POST, REPLY, REACT, EDIT, REVERT, ATTEND, HOST, THANK, VIEW, MODERATE, JOIN, LEAVE = range(len(VERBS))
CHANCE = np.array([0.24, 0.46, 0.10, 0.08, 0.01, 0.06, 0.01, 0.01, 0.02, 0.01])


def history(rng, community, people, weeks, events, bots=1):
    """About `events` interactions of `people` people over `weeks` weeks, as a landing table (arrow) sorted by time."""
    people = max(people, 3)
    begins = np.where(rng.random(people) < 0.3, 0, rng.integers(0, weeks, people))
    ends = np.minimum(weeks, begins + 1 + rng.geometric(1.5 / weeks, people))
    eager = rng.lognormal(0, 1.6, people)
    # Everybody has a rhythm: weeks on, weeks off; a few write once and never again.
    on, off = rng.integers(1, 14, people), rng.integers(0, 18, people)
    week = np.arange(weeks)[None, :]
    here = (week >= begins[:, None]) & (week < ends[:, None]) & ((week - begins[:, None]) % (on + off)[:, None] < on[:, None])
    rate = eager[:, None] * here
    counts = rng.poisson(rate * events / max(rate.sum(), 1))
    who, when = (np.repeat(x, counts.ravel()) for x in (np.repeat(np.arange(people), weeks), np.tile(np.arange(weeks), people)))
    verb = rng.choice(len(CHANCE), len(who), p=CHANCE)
    watches = rng.random(people) < 0.2
    verb = np.where(watches[who], np.where(rng.random(len(who)) < 0.7, REACT, VIEW), verb)
    moment = START + when * WEEK + (rng.random(len(who)) * 7 * 86400).astype("int64").astype("timedelta64[s]")

    joined, left = np.flatnonzero(rng.random(people) < 0.3), np.flatnonzero(rng.random(people) < 0.1)
    who = np.concatenate([who, joined, left])
    verb = np.concatenate([verb, np.full(len(joined), JOIN), np.full(len(left), LEAVE)])
    at_join = START + begins[joined] * WEEK + rng.integers(0, 7 * 86400, len(joined)).astype("timedelta64[s]")
    at_leave = START + np.minimum(ends[left], weeks - 1) * WEEK + rng.integers(0, 7 * 86400, len(left)).astype("timedelta64[s]")
    moment = np.concatenate([moment, at_join, at_leave])
    order = np.argsort(moment, kind="stable")
    return _rows(rng, community, people, bots, who[order], verb[order], moment[order])


def _rows(rng, community, people, bots, who, verb, moment):
    n = len(who)
    number = np.arange(n)
    posts = np.flatnonzero(verb == POST)
    latest = np.searchsorted(posts, number) - rng.geometric(0.35, n)
    answered = posts[np.clip(latest, 0, max(len(posts) - 1, 0))] if len(posts) else np.zeros(n, int)
    answers = np.isin(verb, (REPLY, REACT, THANK)) & (latest >= 0) & bool(len(posts))
    edits = np.flatnonzero(verb == EDIT)
    undone = edits[np.clip(np.searchsorted(edits, number) - 1, 0, max(len(edits) - 1, 0))] if len(edits) else np.zeros(n, int)
    undoes = (verb == REVERT) & bool(len(edits)) & (undone < number)
    wiki, meeting = np.isin(verb, (EDIT, REVERT)), np.isin(verb, (ATTEND, HOST))
    weekly = (moment - START) // WEEK

    name = np.char.add(f"{community}-", number.astype(str))
    page = np.char.add(f"{community}-page-", (rng.random(n) ** 2 * (5 + people / 4)).astype(int).astype(str))
    held = np.char.add(f"{community}-meeting-", weekly.astype(str))
    actor = np.char.add(f"{community}-person-", who.astype(str))
    thread = np.where(verb == POST, name, name[answered])
    mention = rng.random(n) < 0.08
    addressed = actor[rng.integers(0, n, n)] if n else actor
    none = lambda values, keep: pa.array(values, mask=~keep)  # noqa: E731
    return pa.table(
        {
            "event_id": name,
            "platform": np.where(wiki, "mediawiki", np.where(meeting, "zoom", "slack")),
            "tenant": np.full(n, "t"),
            "medium": np.where(wiki, "wiki", np.where(meeting, "meeting", "chat")),
            "community": np.full(n, community),
            "space": np.where(meeting, "weekly", np.where(wiki, "main", "general")),
            "visibility": np.full(n, "members"),
            "occurred_at": pa.array(moment),
            "verb": np.array(VERBS)[verb],
            "actor": actor,
            "actor_kind": np.where(who < bots, "bot", "human"),
            "object_id": np.where(wiki, page, np.where(meeting, held, name)),
            "object_kind": np.where(wiki, "page", np.where(meeting, "meeting", "message")),
            "thread_id": none(thread, (verb == POST) | ((verb == REPLY) & answers)),
            "reply_to_id": none(np.where(undoes, name[undone], name[answered]), answers | undoes),
            "mentions": _lists(addressed, mention & np.isin(verb, (POST, REPLY))),
            "started_at": none(moment, meeting),
            "ended_at": none(moment + np.timedelta64(1800, "s"), meeting),
            "schema_version": np.ones(n, int),
            "normaliser_version": np.ones(n, int),
            "content_hash": number.astype("uint64"),
            "landed_at": pa.array(moment),
        }
    )


def _lists(values, keep):
    offsets = np.concatenate([[0], np.cumsum(keep)]).astype("int32")
    return pa.ListArray.from_arrays(pa.array(offsets), pa.array(values[keep]))


def land(con, tables, *, beats=None):
    """Put histories into the landing file of a connection; a member is `m` + the actor. Returns the communities."""
    names = []
    for table in tables:
        con.register("rows", table)
        con.execute("insert into landing.interactions by name from rows")
        con.execute("insert into landing.people select distinct community, actor, 'm' || actor from rows")
        con.unregister("rows")
        names.extend(pc.unique(table["community"]).to_pylist())
    for place, name in enumerate(names):
        beat = beats[place] if beats else None
        con.execute(
            "insert into landing.communities (community, title, origin, time_zone, charter_beat_days) values (?, ?, 'invented', 'UTC', ?)",
            [name, name, beat],
        )
    return names


def after(weeks):
    """The Monday after so many weeks of history."""
    moment: datetime = (START + weeks * WEEK).astype(datetime)
    return moment
