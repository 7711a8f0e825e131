"""
summary: Every member's level at every evaluation, after confirmation, with the counts and bars it rests on. A member has rows while seen within a year or two windows, or declared, and one more that says that this has passed.
grain: [community, window_end, member]
reads: [levels.targets]
columns:
  community: the community
  window_end: the evaluation, a Monday 00:00 UTC, exclusive
  member: published pseudonym
  level: core, active, occasional, peripheral or transactional; or dormant, departed, insufficient or not seen, which no distribution counts
  target: the level that this evaluation alone gives, before confirmation
  stay_core: whether the member meets the bars to stay in core
  stay_active: whether the member meets the bars to stay active
  misses: evaluations in a row, up to this one, below the bars to stay
  contributions: contributions in the window that stand
  beats_active: live beats of the window in which the member contributed or attended
  beats_alive: live beats of the window; announced breaks are left out
  beats_contributed: beats of the window in which the member contributed, live or not
  beats_present: beats of the window with presence or reading, live or not
  beats_hosted: live beats of the window in which the member hosted
  ties: distinct people with whom the member was in touch in the window, see levels.reach
  helped: distinct others whom the member helped in the window, see levels.reach
  ties_seen: whether ties are visible in the window; where they are not, no level asks for them
  help_seen: the same of help
  bar_core_beats: beats in which core asks to take part
  bar_core_people: mutual ties, and people helped, that core asks for
  bar_core_hosted: beats hosted that count as much as the people helped
  bar_active_beats: beats in which active asks to take part
  bar_active_ties: mutual ties that active asks for
  bar_stay_core_beats: beats that keep a core member in core
  bar_stay_core_people: mutual ties, and people helped, that keep a core member in core
  bar_stay_active_beats: beats that keep an active member active
  bar_stay_active_ties: mutual ties that keep an active member active
  bar_met: evaluations in a row at the bars that raise somebody to active or core
  bar_missed: evaluations in a row below the bars to stay that lower somebody from active or core
  explicit: whether the member is declared, by a join that no later leave undid
  tenure_days: days since the first contribution, or else since joining, or else since first seen
  newcomer: whether the tenure is shorter than a newcomer's, of whoever cannot be a veteran (core.first_seen); nobody with so short a tenure becomes core
  returning: whether the member contributed in the window after at least a whole window without
  facilitator: whether the member is a facilitator by a role at that time, or hosted enough meetings in the window
  sponsor_staff: whether the member is sponsor or staff by a role at that time; reported separately
  weeks_silent: weeks since the last sign of the member; absent where the window holds one
  change: what changed the level at this evaluation; absent where it did not change
  reason: why the member has this level, in words; levels.history and levels.current add the counts and bars
checks:
  - name: levels
    rule: A level is one of nine words.
    sql: select community from {table} where level not in ('core', 'active', 'occasional', 'peripheral', 'transactional', 'dormant', 'departed', 'insufficient', 'not seen')
  - name: newcomers
    rule: No newcomer's target is core.
    sql: select community from {table} where newcomer and target = 'core'
  - name: bars
    rule: No target is core below the bars of core.
    sql: select community from {table} where target = 'core' and (beats_active < bar_core_beats or (ties_seen and ties < bar_core_people))
"""

# The rules give a target at each evaluation; it becomes a level only as far as it is confirmed. One vector step per evaluation
# covers all members of all communities; what is remembered of a member is a few small integers.

from dataclasses import dataclass, fields
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from warehouse.level_words import AT, BECAUSE, BELOW, CHANGES, REASONS

Ints = npt.NDArray[np.int32]
Bools = npt.NDArray[np.bool_]

LEVELS = ("not seen", "insufficient", "departed", "dormant", "transactional", "peripheral", "occasional", "active", "core")
"""Every state, lowest first: up to `occasional` all moves are at once, above it they are confirmed."""

NOT_SEEN, INSUFFICIENT, DEPARTED, DORMANT, TRANSACTIONAL, PERIPHERAL, OCCASIONAL, ACTIVE, CORE = range(len(LEVELS))
SILENT, GONE = len(LEVELS), len(LEVELS) + 1
TARGETS = (*LEVELS, "silent", "gone")
"""Targets that SQL computes: a level, or `silent` (nothing in the window; what that means, the past decides), or `gone` (left)."""

NO_WEEK = -1
"""In place of a week number: there was none."""

HELPERS = ("person", "turn", "week", "memory_weeks", "held", "lapsed", "lately", "comes_back", "because")
"""Columns that the fold needs and the table does not keep."""

_CHANGE = {text: code for code, text in enumerate(CHANGES)}
_NO_CHANGE = -1
_FIRST_REASON = np.array(
    [next(code for text, code in AT.items() if text.startswith(f"{level}:")) for level in LEVELS], np.int32
)
"""Place in REASONS of each level's first reason."""


@dataclass(slots=True)
class Now:
    """What one evaluation gives for n members: arrays of n, in the order of the rows."""

    target: Ints
    stay_core: Bools
    stay_active: Bools
    explicit: Bools
    held: Bools
    lapsed: Bools
    lately: Bools
    comes_back: Bools
    because: Ints
    met: Ints
    missed: Ints
    week: Ints
    memory_weeks: Ints


@dataclass(slots=True)
class Past:
    """What is remembered of n members: level, misses, last target, last week in which they were known to come (or NO_WEEK)."""

    level: Ints
    misses: Ints
    before: Ints
    engaged: Ints


def nothing_known(members: int) -> Past:
    """The past of members whom nobody has seen yet."""
    return Past(
        np.full(members, NOT_SEEN, np.int32),
        np.zeros(members, np.int32),
        np.full(members, NOT_SEEN, np.int32),
        np.full(members, NO_WEEK, np.int32),
    )


def step(past: Past, now: Now) -> tuple[Past, Ints, Bools]:
    """Fold one evaluation in. Returns what is remembered after it, the target as a level, and where a break held somebody."""
    level, before = past.level, past.before
    target = _resolved(past, now)
    aim = np.where((level == CORE) & now.stay_core, CORE, target)
    aim = np.where(((level == CORE) | (level == ACTIVE)) & now.stay_active, np.maximum(aim, ACTIVE), aim)

    # A promotion goes as far as the last two targets agree, or the last one where one is enough; until then it is occasional.
    agreed = np.where(now.met == 1, aim, np.minimum(aim, before))
    raised = np.where(aim <= OCCASIONAL, aim, np.maximum(np.maximum(level, OCCASIONAL), agreed))

    at_once = (now.target == GONE) | (target == INSUFFICIENT) | (level <= OCCASIONAL)
    misses = past.misses + 1
    lowers = at_once | (misses >= now.missed)

    falls = aim < level
    held = falls & now.held & (now.target != GONE)
    after = np.where(aim > level, raised, np.where(falls & ~held & lowers, aim, level))
    misses = np.where(held, past.misses, np.where(falls & ~lowers, misses, 0))
    known = (after >= OCCASIONAL) | ((after == PERIPHERAL) & now.comes_back)
    engaged = np.where(known, now.week, past.engaged)
    return Past(_ints(after), _ints(misses), _ints(target), _ints(engaged)), _ints(target), held


def _resolved(past: Past, now: Now) -> Ints:
    """Targets as levels: what `silent` means depends on what somebody was."""
    was_known = now.explicit | (past.engaged != NO_WEEK)
    known = now.explicit | ((past.engaged != NO_WEEK) & (now.week - past.engaged <= now.memory_weeks))
    silent = np.where(
        now.lapsed,
        np.where(was_known, DEPARTED, NOT_SEEN),
        np.where(known, DORMANT, np.where(now.lately, TRANSACTIONAL, NOT_SEEN)),
    )
    return _ints(np.where(now.target == GONE, DEPARTED, np.where(now.target == SILENT, silent, now.target)))


def evaluations(targets: pa.Table) -> pa.Table:
    """Make levels of targets.

    A member without a row at the `turn` before starts again as somebody nobody has seen. Returns the columns of `targets`
    without HELPERS, with `target` as a level, and with `level`, `misses`, `change` and `reason`.
    """
    person, turn = _column(targets, "person"), _column(targets, "turn")
    now = Now(
        target=_codes(targets["target"]),
        stay_core=_flags(targets, "stay_core"),
        stay_active=_flags(targets, "stay_active"),
        explicit=_flags(targets, "explicit"),
        held=_flags(targets, "held"),
        lapsed=_flags(targets, "lapsed"),
        lately=_flags(targets, "lately"),
        comes_back=_flags(targets, "comes_back"),
        because=_ints(
            np.array(list(BECAUSE.values()))[pc.index_in(targets["because"], value_set=pa.array(list(BECAUSE))).to_numpy()]
        ),
        met=_column(targets, "bar_met"),
        missed=_column(targets, "bar_missed"),
        week=_column(targets, "week"),
        memory_weeks=_column(targets, "memory_weeks"),
    )
    past, seen_at = nothing_known(int(person.max(initial=0)) + 1), np.zeros(int(person.max(initial=0)) + 1, np.int32)
    level, goal, misses = (np.zeros_like(person) for _ in ("level", "goal", "misses"))
    change, reason = np.full(len(person), _NO_CHANGE, np.int32), np.zeros(len(person), np.int32)

    order = np.argsort(turn, kind="stable")
    edges = np.searchsorted(turn[order], 1 + np.arange(int(turn.max(initial=0)) + 1))
    for number, (start, stop) in enumerate(pairwise(edges), start=1):
        at = order[start:stop]
        who = person[at]
        known = seen_at[who] == number - 1
        mine = _continued(past, who, known & (number > 1))
        here = _taken(now, at)
        after, wish, held = step(mine, here)
        level[at], goal[at], misses[at] = after.level, wish, after.misses
        change[at] = _changed(mine, after, here, fresh=~known | (number == 1), again=seen_at[who] > 0)
        reason[at] = _reasoned(after, wish, here, held)
        seen_at[who] = number
        past.level[who], past.misses[who], past.before[who], past.engaged[who] = (
            after.level,
            after.misses,
            after.before,
            after.engaged,
        )
    return _table(targets, level, goal, misses, change, reason)


def _continued(past: Past, who: Ints, known: Bools) -> Past:
    new = nothing_known(len(who))
    return Past(*(_ints(np.where(known, getattr(past, f.name)[who], getattr(new, f.name))) for f in fields(Past)))


def _taken(now: Now, at: npt.NDArray[np.intp]) -> Now:
    return Now(*(getattr(now, f.name)[at] for f in fields(Now)))


def _changed(before: Past, after: Past, now: Now, *, fresh: Bools, again: Bools) -> Ints:
    """What changed a level, as a place in CHANGES; -1 where it did not change."""
    was, level = before.level, after.level
    confirmed = _CHANGE["met the bars at one evaluation"] + now.met - 1
    missed = _CHANGE["below the bars to stay at one evaluation"] + now.missed - 1
    return _ints(
        np.select(
            [
                fresh & again,
                fresh,
                level == was,
                now.target == GONE,
                level == INSUFFICIENT,
                (level > was) & (level >= ACTIVE),
                (level == OCCASIONAL) & (level > was) & (after.before > OCCASIONAL),
                level > was,
                was >= ACTIVE,
                level == DORMANT,
                level == DEPARTED,
            ],
            [
                _CHANGE["seen again"],
                _CHANGE["first seen"],
                _NO_CHANGE,
                _CHANGE["left"],
                _CHANGE["too few live beats in the window"],
                confirmed,
                _CHANGE["met the bars; occasional until that is confirmed"],
                _CHANGE["at once, as between all levels up to occasional"],
                missed,
                _CHANGE["silent for a whole window"],
                _CHANGE["silent for longer than a year or two windows"],
            ],
            _CHANGE["at once, as between all levels up to occasional"],
        )
    )


def _reasoned(after: Past, target: Ints, now: Now, held: Bools) -> Ints:
    """Why a member has the level, as a place in REASONS."""
    level = after.level
    reason = _FIRST_REASON[level]
    here = (now.target == level) & (level >= TRANSACTIONAL) & (level <= OCCASIONAL)
    reason = np.where(here, now.because, reason)
    reason = np.where((level == DEPARTED) & (now.target == GONE), AT["departed: left"], reason)
    awaits = (level == OCCASIONAL) & (target > OCCASIONAL)
    reason = np.where(awaits, _FIRST_REASON[OCCASIONAL] + np.maximum(0, target - OCCASIONAL), reason)
    reason = np.where((level == ACTIVE) & (target == CORE), reason + 1, reason)
    is_below = ((level == ACTIVE) | (level == CORE)) & (target < level)
    below = np.where(level == CORE, AT[f"core: {BELOW[0]}"], AT[f"active: {BELOW[0]}"]) + after.misses
    reason = np.where(is_below, below, reason)
    return _ints(np.where(held, AT["held where it was: an announced break"], reason))


def _table(rows: pa.Table, level: Ints, target: Ints, misses: Ints, change: Ints, reason: Ints) -> pa.Table:
    kept = rows.drop_columns([*HELPERS, "target"])
    for name, column in (
        ("level", _words(LEVELS, level)),
        ("target", _words(LEVELS, target)),
        ("misses", pa.array(misses)),
        ("change", _words(CHANGES, change)),
        ("reason", _words(REASONS, reason)),
    ):
        kept = kept.append_column(name, column)
    return kept


def _words(words: tuple[str, ...], codes: Ints) -> pa.DictionaryArray:
    """The words by their places, each kept once; a negative place is none."""
    return pa.DictionaryArray.from_arrays(pa.array(codes.astype(np.int8), mask=codes < 0), pa.array(words))


def _codes(column: pa.ChunkedArray) -> Ints:
    return _ints(pc.index_in(column, value_set=pa.array(TARGETS)).to_numpy())


def _column(rows: pa.Table, name: str) -> Ints:
    return _ints(rows[name].to_numpy())


def _flags(rows: pa.Table, name: str) -> Bools:
    flags: Bools = np.asarray(rows[name].to_numpy(), dtype=np.bool_)
    return flags


def _ints(values: npt.NDArray[np.generic]) -> Ints:
    return values.astype(np.int32, copy=False)
