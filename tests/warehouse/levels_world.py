"""World: a community described week by week, made into the core tables that levels read. Weeks count from 0, Monday 2022-01-03."""

from collections import defaultdict
from datetime import datetime, timedelta
from functools import cache

import pyarrow as pa

from warehouse.build.build import make, open_scratch
from warehouse.build.catalog import catalog
from warehouse.db import open_memory

MONDAY = datetime(2022, 1, 3)  # noqa: DTZ001 - the warehouse speaks naive UTC
BASE = ((MONDAY - datetime(1970, 1, 1)).days + 3) // 7  # noqa: DTZ001 - as above
BEATS = {7: 12, 14: 8, 28: 6, 56: 6, 91: 4}


def at(week, days=0.0):
    return MONDAY + timedelta(weeks=week, days=days)


class World:
    """State who does what, then ask for `rows()`."""

    def __init__(self, beat_days=7, name="c"):
        self.name, self.beat_days = name, beat_days
        self.acts = defaultdict(lambda: defaultdict(int))
        self.ties, self.helps, self.events, self.roles, self.broken = set(), set(), [], [], set()
        self.evaluations = None
        self.veterans: set[str] = set()
        self.ties_seen = self.help_seen = True

    def does(self, member, weeks, verb="contributions", times=1):
        for week in weeks:
            self.acts[member, week][verb] += times
        return self

    def meets(self, members, weeks):
        """Everybody named contributes, acts towards everybody else named and helps them, each of these weeks."""
        for week in weeks:
            for one in members:
                self.does(one, [week])
                for other in members:
                    if one != other:
                        self.ties.add((one, other, week))
                        self.helps.add((one, other, week))
        return self

    def tied(self, one, other, weeks, mutual=True):
        for week in weeks:
            self.ties.add((one, other, week))
            if mutual:
                self.ties.add((other, one, week))
        return self

    def helped(self, one, other, weeks):
        self.helps |= {(one, other, week) for week in weeks}
        return self

    def joins(self, member, week, days=1.0):
        self.events.append((member, week, days, "join"))
        return self.does(member, [week], "joins")

    def leaves(self, member, week, days=2.0):
        self.events.append((member, week, days, "leave"))
        return self.does(member, [week], "leaves")

    def has_role(self, member, role, from_week=None, to_week=None):
        self.roles.append((member, role, from_week, to_week))
        return self

    def rests(self, weeks):
        self.broken |= set(weeks)
        return self

    def evaluates(self, first, last, beat_days=None):
        """Evaluations at the Mondays from `first` to `last`; once a beat where it is 28 days or longer."""
        beat = beat_days or self.beat_days
        step = beat // 7 if beat >= 28 else 1
        self.evaluations = (self.evaluations or []) + [(week, beat) for week in range(first, last + 1, step)]
        return self

    def first_week(self):
        return min(week for _, week in self.acts)

    def windows(self):
        """(week, beat_days, n_beats, [(beat, from, to, people, alive, counted)], contributors)"""
        for week, beat_days in self.evaluations:
            size, n = beat_days // 7, BEATS[beat_days]
            beats = []
            for beat in range(n):
                to = week - beat * size
                weeks = range(to - size, to)
                people = {
                    member
                    for (member, w), what in self.acts.items()
                    if w in weeks and (what["contributions"] or what["attendances"])
                }
                counted = to - size >= self.first_week() and 2 * len(self.broken & set(weeks)) <= size
                beats.append((beat, to - size, to, len(people), counted and len(people) >= 3, counted))
            seen = range(week - n * size, week)
            contributors = {member for (member, w), what in self.acts.items() if w in seen and what["contributions"]}
            participants = {
                member
                for (member, w), what in self.acts.items()
                if w in seen and (what["contributions"] or what["attendances"])
            }
            yield week, beat_days, n, beats, (len(contributors), len(participants))

    def fill(self, con):
        def put(table, rows):
            insert(con, table, [{"community": self.name, **row} for row in rows])

        windows = list(self.windows())
        put(
            "core.windows",
            (
                {
                    "window_end": at(week),
                    "window_start": at(week - n * (beat_days // 7)),
                    "week": BASE + week,
                    "beat_days": beat_days,
                    "beat_weeks": beat_days // 7,
                    "n_beats": n,
                    "window_weeks": n * (beat_days // 7),
                    "contributors": contributors,
                    "participants": participants,
                    "ties_seen": self.ties_seen,
                    "help_seen": self.help_seen,
                    "alive_beats": sum(b[4] for b in beats),
                    "counted_beats": sum(b[5] for b in beats),
                    "archive_weeks": week - self.first_week(),
                }
                for week, beat_days, n, beats, (contributors, participants) in windows
            ),
        )
        put(
            "core.beats",
            (
                {
                    "window_end": at(week),
                    "beat": b[0],
                    "evaluated_week": BASE + week,
                    "from_week": BASE + b[1],
                    "to_week": BASE + b[2],
                    "people": b[3],
                    "alive": b[4],
                    "counted": b[5],
                }
                for week, _, _, beats, _ in windows
                for b in beats
            ),
        )
        names = ("contributions", "undone", "attendances", "hosted", "other_presence", "consumption", "joins", "leaves")
        put(
            "core.member_weeks",
            (
                {"member": member, "week": BASE + week, "first_at": at(week, 1), **{name: what[name] for name in names}}
                for (member, week), what in self.acts.items()
            ),
        )
        put("core.ties", ({"member": a, "to_member": b, "week": BASE + week} for a, b, week in self.ties))
        put("core.helps", ({"member": a, "helped": b, "week": BASE + week} for a, b, week in self.helps))
        put(
            "core.interactions",
            (
                {
                    "event_id": f"{member}{week}{days}{verb}",
                    "member": member,
                    "actor_kind": "human",
                    "verb": verb,
                    "occurred_at": at(week, days),
                    "week": BASE + week,
                }
                for member, week, days, verb in self.events
            ),
        )
        put("core.first_seen", self.firsts())
        for member, role, start, end in self.roles:
            con.execute(
                "insert into landing.roles values (?, ?, ?, ?, ?)",
                [self.name, member, role, start if start is None else at(start), end if end is None else at(end)],
            )

    def firsts(self):
        for member in sorted({member for member, _ in self.acts}):
            mine = sorted((week, what) for (who, week), what in self.acts.items() if who == member)
            contributed = [week for week, what in mine if what["contributions"] or what["undone"]]
            joined = [week for week, what in mine if what["joins"]]
            yield {
                "member": member,
                "actor_kind": "human",
                "first_event_at": at(mine[0][0], 1),
                "last_at": at(mine[-1][0], 1),
                "first_at": at(contributed[0], 1) if contributed else None,
                "joined_at": at(joined[0], 1) if joined else None,
                "may_be_veteran": member in self.veterans,
            }


def insert(con, table, rows):
    """Insert rows by name, all with the same names."""
    if rows:
        con.register("rows", pa.Table.from_pylist(rows))
        con.execute(f"insert into scratch.{table} by name from rows")
        con.unregister("rows")


@cache
def shapes():
    """Table -> `create table`, of every core table, empty."""
    con = open_memory()
    open_scratch(con, [], at(0), None)
    for model in catalog():
        if model.table.startswith("core."):
            make(con, model)
    got = con.execute("select sql from duckdb_tables() where database_name = 'scratch' and schema_name = 'core'").fetchall()
    con.close()
    return [sql for (sql,) in got]


def built(*worlds):
    """A connection with the levels of these worlds in `scratch`. The caller closes."""
    con = open_memory()
    open_scratch(con, [world.name for world in worlds], at(500), None)
    for sql in shapes():
        con.execute(sql)
    con.execute(f"insert into core.parameters {models()['core.parameters'].code}")
    for world in worlds:
        if world.evaluations is None:
            world.evaluates(world.first_week() + 1, max(week for _, week in world.acts) + 1)
        world.fill(con)
    for model in catalog():
        if model.layer == "levels":
            make(con, model)
    return con


@cache
def models():
    return {model.table: model for model in catalog()}


def rows(con, member, table="levels.evaluations", order="window_end"):
    """A member's rows as dicts; `week` is added to those of evaluations."""
    result = con.execute(f"select * from {table} where member = ? order by {order}", [member])
    names = [column[0] for column in result.description]
    got = [dict(zip(names, row, strict=True)) for row in result.fetchall()]
    for row in got:
        if "window_end" in row:
            row["week"] = (row["window_end"] - MONDAY).days // 7
    return got


def levels(con, member):
    """{week of the evaluation: level}."""
    return {row["week"]: row["level"] for row in rows(con, member)}
