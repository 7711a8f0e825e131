"""Withholding: what a sponsor sees, case by case, and an attack on all of it by somebody who knows the rules.

A group is *pinned* when everything shown leaves only the numbers 1 to 4 for it. Where nobody may be there, nobody is pinned.
Two things may be shown of small groups: the word for the core (absent, thin,
present), and "fewer than 5" in place of a number.
"""

from datetime import datetime, timedelta
from itertools import combinations

import pyarrow as pa
import pytest

from warehouse.build.build import make, open_scratch
from warehouse.build.catalog import catalog
from warehouse.build.vocabulary import COUNTS, KINDS
from warehouse.db import open_memory

MONDAY = datetime(2024, 3, 25)  # noqa: DTZ001 - the warehouse speaks naive UTC
LEVELS = ("core", "active", "occasional", "peripheral", "transactional")
HIDES = {"occasional": 1, "active": 2}
STATES = (*LEVELS, "dormant", "departed", "not seen")
SHOWN_STATES = STATES[:6]
MODELS = {model.table: model for model in catalog()}
CHANGE = ("community", "value", "low", "high", "numerator", "denominator")
SHOWN = "value, range_low, range_high, low, high, denominator, bound, withheld, step, rounding"


@pytest.fixture(scope="module")
def con():
    con = open_memory()
    open_scratch(con, [], MONDAY, None)
    for model in catalog():
        make(con, model)
    rules = " ".join(f"when '{name}' then '{kind.rule}'" for name, kind in KINDS.items())
    con.execute(f"create macro rule_of(kind) as case kind {rules} end")
    grouped = ", ".join(repr(name) for name, count in COUNTS.items() if count.grouped)
    con.execute(f"create macro is_grouped(counts) as counts in ({grouped})")
    yield con
    con.close()


@pytest.fixture(autouse=True)
def _nothing_left(con):
    yield
    clear(con)


def clear(con):
    for table in ("scorecard.estimates", "levels.flow", "core.windows"):
        con.execute(f"delete from scratch.{table}")


def estimate(**given):
    row = {
        "community": "c",
        "window_end": MONDAY,
        "metric": "X1",
        "version": 1,
        "part": "",
        "value": None,
        "low": None,
        "high": None,
        "numerator": None,
        "denominator": None,
        "word": None,
        "kind": "people",
        "counts": "people",
        "network": False,
        "smallest": 0,
        "always": False,
        "contributors": 50,
        "weeks": 12,
        "effective": None,
        "openers": None,
        "inferred": None,
        "hide_order": None,
        "reveals": [],
        "reveals_before": False,
        "fed": True,
    } | given
    row |= {"rule": KINDS[row["kind"]].rule, "grouped": COUNTS[row["counts"]].grouped}
    if row["kind"] == "share" and row["value"] is None and row["denominator"]:
        row["value"] = row["numerator"] / row["denominator"]
    return row


def levels(cells, *, contributors=50, **given):
    """P2 and P3 of one evaluation, as the metrics make them of five numbers."""
    members = sum(cells[:3])
    total = sum(n for n in cells if n is not None)
    rows = [
        estimate(
            metric="P2",
            part=part,
            kind="distribution",
            value=n,
            numerator=n,
            denominator=total,
            hide_order=HIDES.get(part),
            contributors=contributors,
            **given,
        )
        for part, n in zip(LEVELS, cells, strict=True)
    ]
    word = "absent" if cells[0] == 0 else "thin" if cells[0] < 3 else "present"
    value = cells[0] / members if members else None
    return [
        *rows,
        estimate(
            metric="P3",
            kind="share",
            value=value,
            numerator=cells[0],
            denominator=members,
            word=word,
            reveals=LEVELS[:3],
            contributors=contributors,
            **given,
        ),
    ]


def fill(con, table, rows):
    schema = con.execute(f"from scratch.{table} limit 0").to_arrow_table().schema
    names = [field for field in schema if field.name in rows[0]]
    con.register("given", pa.table({f.name: pa.array([row[f.name] for row in rows], f.type) for f in names}))
    con.execute(f"insert into scratch.{table} by name from given")
    con.unregister("given")


def shown(con, *rows):
    """Rows of reports.estimates, by (metric, part)."""
    fill(con, "scorecard.estimates", list(rows))
    result = con.execute(MODELS["reports.estimates"].code)
    names = [column[0] for column in result.description]
    found = [dict(zip(names, row, strict=True)) for row in result.fetchall()]
    clear(con)
    return {(row["metric"], row["part"]): row for row in found}


def one(con, **given):
    (row,) = shown(con, estimate(**given)).values()
    return row


# ---- in sentences


@pytest.mark.parametrize(("people", "seen"), [(5, 5), (9, 5), (10, 10), (58, 55)])
def test_people_are_shown_in_groups_of_five(con, people, seen):
    assert one(con, value=people)["value"] == seen


@pytest.mark.parametrize("people", [0, 1, 4])
def test_fewer_than_five_people_are_no_number_and_none_is_not_distinguished_from_four(con, people):
    row = one(con, value=people)
    assert (row["value"], row["withheld"]) == (None, "fewer than 5")


@pytest.mark.parametrize("counts", ["people", "threads", "pairs"])
def test_a_count_of_what_people_did_is_shown_as_people_are(con, counts):
    given = {"kind": "count", "counts": counts, "denominator": 43}
    assert all(one(con, value=n, **given)["withheld"] == "fewer than 5" for n in range(5))
    assert [(row["value"], row["denominator"]) for row in (one(con, value=n, **given) for n in (5, 9, 37))] == [
        (5, 40),
        (5, 40),
        (35, 40),
    ]


def test_a_count_of_what_nobody_is_behind_is_shown_as_it_is(con):
    assert one(con, kind="count", counts="meetings", value=3)["value"] == 3


def test_a_share_rests_on_twenty(con):
    assert one(con, kind="share", numerator=9, denominator=19)["withheld"] == "rests on fewer than 20"
    assert one(con, kind="share", counts="threads", numerator=9, denominator=19)["withheld"] == "rests on fewer than 20"
    assert one(con, kind="share", numerator=10, denominator=20)["value"] == 0.5


@pytest.mark.parametrize(
    ("numerator", "denominator", "value", "rounding"),
    [
        (12, 24, 0.5, "to 25 %"),
        (17, 40, 0.4, "to 20 %"),
        (47, 60, 0.8, "to 10 %"),
        (213, 400, 0.55, "to 5 %"),
        (261, 600, 0.44, "to 1 %"),
    ],
)
def test_a_step_of_a_share_of_people_is_at_least_five_people(con, numerator, denominator, value, rounding):
    row = one(con, kind="share", numerator=numerator, denominator=denominator)
    assert (row["value"], row["rounding"], row["denominator"]) == (value, rounding, denominator // 5 * 5)
    assert row["step"] * row["denominator"] >= 5


@pytest.mark.parametrize(
    ("numerator", "denominator", "value", "bound"),
    [
        (0, 60, 0.15, "under"),
        (8, 60, 0.15, "under"),
        (52, 60, 0.85, "over"),
        (60, 60, 0.85, "over"),
        (50, 60, 0.8, None),
        (0, 24, 0.375, "under"),
    ],
)
def test_the_ends_of_a_share_of_people_hold_a_step_and_a_half(con, numerator, denominator, value, bound):
    """With 95 to 100 % of 70 people kept, and five fewer contributors than before, 1 to 3 would be known to be missing."""
    row = one(con, kind="share", numerator=numerator, denominator=denominator)
    assert (row["value"], row["bound"]) == (value, bound)
    assert row["range_high"] - row["range_low"] == pytest.approx(row["step"] * (1.5 if bound else 1))


def test_a_share_of_threads_is_rounded_to_five_per_cent_below_a_hundred(con):
    assert one(con, kind="share", counts="threads", numerator=41, denominator=60)["value"] == 0.7
    assert one(con, kind="share", counts="threads", numerator=123, denominator=180)["value"] == 0.68


def test_a_few_threads_without_an_answer_are_not_distinguished_from_none(con):
    rows = [one(con, kind="share", counts="threads", numerator=40 - missing, denominator=40) for missing in range(5)]
    assert all((row["value"], row["bound"]) == (0.85, "over") for row in rows)
    assert all(row == rows[0] for row in rows)
    five = one(con, kind="share", counts="threads", numerator=35, denominator=40)
    assert (five["value"], five["bound"]) == (0.9, None)


def test_a_few_answered_threads_are_not_distinguished_from_none(con):
    rows = [one(con, kind="share", counts="threads", numerator=n, denominator=40) for n in range(5)]
    assert all((row["value"], row["bound"]) == (0.15, "under") for row in rows)
    assert all(row == rows[0] for row in rows)


@pytest.mark.parametrize(("share", "seen"), [(0.0, 0.0), (0.01, 0.1), (0.46, 0.5), (0.99, 0.9), (1.0, 1.0), (None, None)])
def test_the_share_of_inferred_threads_is_shown_in_tenths_and_only_with_a_value(con, share, seen):
    threads = {"metric": "N2", "kind": "share", "counts": "threads", "openers": 30, "inferred": share}
    assert shown(con, estimate(numerator=80, denominator=120, **threads))["N2", ""]["inferred"] == seen
    assert shown(con, estimate(numerator=8, denominator=12, **threads))["N2", ""]["inferred"] is None


def test_an_interval_says_no_more_than_the_share(con):
    rows = [one(con, kind="share", numerator=n, denominator=60, low=n / 70, high=n / 50) for n in (45, 47, 50)]
    assert {(row["value"], row["low"], row["high"]) for row in rows} == {(0.8, 0.62, 0.92)}


def test_an_interval_that_was_not_computed_is_not_made_up(con):
    row = one(con, kind="share", numerator=40, denominator=60)
    assert (row["low"], row["high"]) == (None, None)


def test_waits_have_two_figures(con):
    row = one(con, kind="hours", counts="threads", value=1.6333, low=0.9333, high=43.19, denominator=23, smallest=20)
    assert (row["value"], row["low"], row["high"], row["denominator"]) == (1.6, 0.93, 43.0, 20)


def test_ties_are_for_communities_of_thirty(con):
    given = {"kind": "share", "counts": "pairs", "network": True, "numerator": 60, "denominator": 120}
    assert one(con, contributors=29, **given)["withheld"] == "ties are shown from 30 contributors on"
    assert one(con, contributors=30, **given)["value"] == 0.5


def test_below_ten_contributors_only_the_rhythm_is_shown(con):
    """The limit is that of a group of five: otherwise 5 to 9 people would be 8 or 9."""
    assert one(con, contributors=9, value=9)["withheld"] == "fewer than 10 contributors"
    rhythm = one(con, contributors=2, kind="share", counts="beats", numerator=6, denominator=12, always=True)
    assert rhythm["value"] == 0.5
    assert shown(con, *levels((3, 2, 1, 1, 0), contributors=7))["P3", ""]["word"] is None


def test_below_fifteen_contributors_the_core_is_yes_or_no(con):
    few = shown(con, *levels((5, 5, 5, 5, 5), contributors=14))
    assert all(row["value"] is None for row in few.values())
    assert few["P3", ""]["word"] == "present"


@pytest.mark.parametrize("contributors", [14, 50])
def test_a_core_of_few_has_the_same_word_as_none(con, contributors):
    words = {shown(con, *levels((n, 5, 5, 5, 5), contributors=contributors))["P3", ""]["word"] for n in range(5)}
    assert words == {"few or none"}


@pytest.mark.parametrize("counts", ["people", "threads", "pairs"])
def test_below_fifteen_contributors_no_share_of_a_window_is_shown(con, counts):
    share = {"kind": "share", "counts": counts, "numerator": 20, "denominator": 40}
    assert one(con, contributors=14, **share)["withheld"] == "fewer than 15 contributors"
    assert one(con, contributors=15, **share)["value"] is not None


def hidden(con, cells):
    return {part for (metric, part), row in shown(con, *levels(cells)).items() if metric == "P2" and row["withheld"]}


def test_with_a_small_cell_the_occasional_hide_and_both_for_the_same_reason(con):
    rows = shown(con, *levels((4, 10, 12, 8, 9)))
    assert hidden(con, (4, 10, 12, 8, 9)) == {"core", "occasional"}
    assert rows["P2", "core"]["withheld"] == rows["P2", "occasional"]["withheld"]


def test_where_the_occasional_are_few_the_active_hide_with_them(con):
    assert hidden(con, (10, 10, 4, 8, 9)) == {"active", "occasional"}


def test_many_at_the_edge_are_shown_whatever_hides(con):
    assert hidden(con, (2, 3, 9, 40, 60)) == {"core", "active", "occasional"}


def test_a_level_that_cannot_be_seen_is_not_measured_and_hides_nothing(con):
    rows = shown(con, *levels((10, 10, 12, None, 60)))
    assert rows["P2", "peripheral"]["withheld"] == "not measured"
    assert hidden(con, (10, 10, 12, None, 60)) == {"peripheral"}


def test_with_a_hidden_level_the_share_that_would_tell_of_it_hides(con):
    assert (
        shown(con, *levels((10, 10, 12, 3, 9)))["P3", ""]["withheld"] == "a group in it has fewer than 5, or would reveal one"
    )
    assert shown(con, *levels((10, 10, 12, 8, 9)))["P3", ""]["withheld"] is None


def test_a_change_of_levels_hides_with_a_level_of_either_window(con):
    before = MONDAY - timedelta(weeks=12)
    windows = [{"community": "c", "window_end": end, "window_start": end - timedelta(weeks=12)} for end in (before, MONDAY)]
    change = {"metric": "P8", "kind": "index", "value": 0.1, "denominator": 30, "reveals": LEVELS[:2], "reveals_before": True}
    for then, now, why in (
        ((10, 10, 12, 8, 9), (10, 10, 12, 8, 9), None),
        ((1, 10, 12, 8, 9), (10, 10, 12, 8, 9), "a group in it has fewer than 5, or would reveal one"),
        ((10, 10, 12, 8, 9), (10, 1, 12, 8, 9), "a group in it has fewer than 5, or would reveal one"),
    ):
        fill(con, "core.windows", windows)
        rows = shown(con, *levels(then, window_end=before), *levels(now), estimate(**change))
        assert rows["P8", ""]["withheld"] == why


def test_threads_of_fewer_than_five_people_show_nothing(con):
    wait = {"kind": "hours", "counts": "threads", "value": 3.0, "denominator": 25, "smallest": 20}
    share = {"kind": "share", "counts": "threads", "numerator": 20, "denominator": 25, "smallest": 20}
    for measured in (wait, share):
        assert one(con, openers=4, **measured)["withheld"] == "comes from fewer than 5 people"
        assert one(con, openers=5, **measured)["withheld"] is None


def test_none_looks_like_few(con):
    for kind, counts in (("share", "threads"), ("share", "people"), ("index", "people"), ("hours", "threads")):
        given = {"kind": kind, "counts": counts, "smallest": 20}
        none, few = one(con, denominator=0, **given), one(con, numerator=2, denominator=4, value=0.5, **given)
        assert none == few
        assert none["withheld"] == "rests on fewer than 20"


def test_what_nothing_can_show_is_not_measured(con):
    assert one(con, kind="share", denominator=0, fed=False)["withheld"] == "not measured"
    assert one(con, kind="index")["withheld"] == "not measured"


def test_interactions_are_counted_in_fives_too(con):
    assert one(con, kind="share", counts="events", numerator=3, denominator=9)["withheld"] == "rests on fewer than 20"
    assert one(con, kind="share", counts="events", numerator=333, denominator=999)["denominator"] == 995


def test_a_share_of_people_has_a_rounding_range_and_one_of_a_sample_its_interval_around_it(con):
    row = one(con, kind="share", numerator=47, denominator=60)
    assert (row["range_low"], row["range_high"], row["low"], row["high"]) == (0.75, 0.85, None, None)
    row = one(con, kind="share", numerator=47, denominator=60, low=0.6, high=0.9)
    assert (row["low"], row["high"]) == (0.62, 0.92)


def test_an_interval_rests_on_as_many_threads_as_are_independent(con):
    given = {"kind": "share", "counts": "threads", "numerator": 47, "denominator": 60, "low": 0.6, "high": 0.9}
    row, of_few = one(con, **given), one(con, effective=23.0, **given)
    assert (row["low"], row["high"]) == (0.65, 0.91)
    assert (of_few["low"], of_few["high"]) == (0.55, 0.94)
    assert of_few == one(con, effective=20.0, **given)


def test_no_total_of_levels_is_shown(con):
    assert all(
        row["denominator"] is None for (metric, _), row in shown(con, *levels((10, 10, 12, 8, 9))).items() if metric == "P2"
    )


def test_where_all_are_alike_nothing_is_shown(con):
    rows = shown(con, *levels((0, 0, 40, 0, 0)))
    assert all(row["value"] is None for row in rows.values())


def flows(con, moves, contributors=50):
    fill(con, "core.windows", [{"community": "c", "window_end": MONDAY, "contributors": contributors}])
    fill(
        con,
        "levels.flow",
        [{"community": "c", "window_end": MONDAY, "from_level": a, "to_level": b, "members": n} for a, b, n in moves],
    )
    found = {(a, b): n for _, _, a, b, n in con.execute(MODELS["reports.flow"].code).fetchall()}
    clear(con)
    return found


def test_a_move_of_fewer_than_five_leaves_no_row_as_if_nobody_had_moved(con):
    assert flows(con, [("active", "core", 4), ("active", "occasional", 13)]) == {("active", "occasional"): 10}


def test_who_stayed_came_or_left_for_good_is_not_among_the_moves(con):
    assert flows(con, [("core", "core", 20), ("not seen", "occasional", 20), ("dormant", "departed", 20)]) == {}


def test_moves_are_for_communities_of_fifteen(con):
    assert flows(con, [("active", "occasional", 13)], contributors=14) == {}


# ---- the attack: every number there can be


def pinned(low, high):
    return low >= 1 and high <= 4


def every(con, guesses):
    """Show everything that a query makes (numerator, denominator, and what differs from `estimate`), a community each.

    For each thing that can be shown, the least and the most that may be behind it: of numerator, rest and denominator.
    """
    con.execute(f"create or replace temp table guesses as select *, 'c' || row_number() over () as community from ({guesses})")
    have = {column[0] for column in con.execute("from guesses limit 0").description} | {"rule", "grouped"}
    rest = [f"{literal(value)} as {name}" for name, value in estimate(kind="share").items() if name not in have]
    con.execute(
        f"insert into scratch.scorecard.estimates by name select *, rule_of(kind) as rule, is_grouped(counts) as grouped "
        f"from (select *, {', '.join(rest)} from guesses)"
    )
    behind = ("numerator", "denominator - numerator", "denominator")
    limits = ", ".join(f"min({what}), max({what})" for what in (f"guesses.{b}".replace("- ", "- guesses.") for b in behind))
    found = con.execute(
        f"""
        with seen as ({MODELS["reports.estimates"].code})
        select {limits}, {", ".join("seen." + name for name in SHOWN.split(", "))}, seen.counts, seen.kind
        from seen join guesses using (community)
        group by {", ".join("seen." + name for name in SHOWN.split(", "))}, seen.counts, seen.kind
        """
    ).fetchall()
    clear(con)
    return found


def literal(value):
    if isinstance(value, list):
        return f"{value}::varchar[]"
    if isinstance(value, datetime):
        return f"timestamp '{value}'"
    return {None: "null"}.get(value, repr(value))


PAIRS = """
    select n as numerator, d as denominator, n / d as value, '{counts}' as counts, 0.0 as low, 1.0 as high
    from range(1, 131) t(d), range(0, 131) u(n) where n <= d
    union all
    select n, d, n / d, '{counts}', 0.0, 1.0 from range(495, 506) t(d), range(0, 506) u(n) where n <= d
"""
PEOPLE = "select n as numerator, n as denominator, n as value, 'people' as kind from range(0, 300) t(n)"


@pytest.mark.parametrize("counts", ["people", "threads", "pairs", "events"])
def test_no_share_pins_those_in_it_those_not_in_it_or_all_of_them(con, counts):
    found = every(con, PAIRS.format(counts=counts))
    assert len(found) > 100
    leaks = [row for row in found for at in (0, 2, 4) if pinned(row[at], row[at + 1])]
    assert leaks == []


def test_no_number_of_people_pins_them(con):
    assert [row for row in every(con, PEOPLE) if pinned(row[0], row[1])] == []
    threads = PEOPLE.replace("'people' as kind", "'count' as kind, 'threads' as counts")
    assert [row for row in every(con, threads) if pinned(row[0], row[1])] == []


def test_the_difference_of_two_numbers_of_people_pins_nobody(con):
    """Consecutive windows, or one metric and another: whatever two are shown, they may differ by nothing or by five."""
    shares = [row for row in every(con, PAIRS.format(counts="people")) if row[6] is not None]
    counts = [row for row in every(con, PEOPLE) if row[6] is not None]
    limits = {(row[0], row[1]) for row in [*shares, *counts]} | {(row[4], row[5]) for row in shares}
    leaks = [(a, b) for a in limits for b in limits if a != b and pinned(b[0] - a[1], b[1] - a[0])]
    assert leaks == []


def test_a_change_of_a_group_with_its_interval_pins_nobody_in_it(con):
    """Whoever sees the change, both ends of its interval and the mean group knows of none who came, went, stayed or were there."""
    con.execute(
        """
        create or replace temp table guesses as
        select 'c' || row_number() over () as community, b as before, b - x + e as now, e as came, x as went, b - x as stayed
        from range(5, 61) t(b), range(0, 61) u(e), range(0, 61) v(x) where x <= b and b >= 10 and b - x + e >= 10
        """
    )
    rest = {name: value for name, value in estimate(kind="index").items() if name not in CHANGE}
    con.execute(
        f"""
        insert into scratch.scorecard.estimates by name
        select community, (came - went) / nullif((before + now) / 2, 0) as value, (before + now) / 2 as denominator, came as numerator,
            over_mean(change_low(came, went, before), before) as low, over_mean(change_high(came, went, before), before) as high,
            {", ".join(f"{literal(value)} as {name}" for name, value in rest.items())}
        from guesses
        """
    )
    groups = ("before", "now", "came", "went", "stayed")
    found = con.execute(
        f"""
        with seen as ({MODELS["reports.estimates"].code})
        select {", ".join(f"min({g}), max({g})" for g in groups)} from seen join guesses using (community)
        group by {", ".join("seen." + name for name in SHOWN.split(", "))}
        having max(before) < 50 and max(now) < 50 -- what looks alike is complete only away from the edge of the guesses
        """
    ).fetchall()
    clear(con)
    assert len(found) > 30
    assert [row for row in found for at in range(0, 10, 2) if pinned(row[at], row[at + 1])] == []


def test_the_levels_of_one_evaluation_pin_no_group_of_them(con):
    """Communities of 15 to 44 contributors: the cells, the share of the core, and the number of contributors together."""
    some = "(values (0), (1), (4), (5), (9), (10), (14))"  # the ends of the groups of five
    con.execute(
        f"""
        create or replace temp table worlds as
        select 'c' || row_number() over () as community, c.n as core, a.n as active, o.n as occasional, p.n as peripheral,
            t.n as transactional, core + active + occasional + transactional as contributors
        from {some} c(n), range(0, 45) a(n), range(0, 45) o(n), (values (0), (4), (9)) p(n), {some} t(n)
        where c.n + a.n + o.n + t.n between 15 and 44
        """
    )
    defaults = {
        k: v
        for k, v in estimate().items()
        if k
        not in (
            "community",
            "metric",
            "part",
            "kind",
            "rule",
            "grouped",
            "value",
            "numerator",
            "denominator",
            "contributors",
            "hide_order",
            "reveals",
        )
    }
    rest = ", ".join(f"{literal(value)} as {name}" for name, value in defaults.items())
    cells = " union all ".join(
        f"select community, 'P2' as metric, '{part}' as part, 'distribution' as kind, {part} as value, {part} as numerator, "
        f"core + active + occasional + peripheral + transactional as denominator, contributors, {HIDES.get(part, 'null')} as hide_order, []::varchar[] as reveals, {rest} from worlds"
        for part in LEVELS
    )
    con.execute(
        f"""
        insert into scratch.scorecard.estimates by name
        select *, rule_of(kind) as rule, is_grouped(counts) as grouped from ({cells}
        union all select community, 'P3', '', 'share', core / nullif(core + active + occasional, 0), core, core + active + occasional, contributors, null, {list(LEVELS[:3])}, {rest} from worlds
        union all select community, 'P1', '', 'people', contributors, null, null, contributors, null, []::varchar[], {rest} from worlds)
        """
    )
    con.execute(
        f"""
        create or replace temp table pages as
        with seen as ({MODELS["reports.estimates"].code})
        select community, string_agg(concat_ws('|', metric, part, coalesce(value, -1), coalesce(denominator, -1), withheld, rounding), ';' order by metric, part) as page
        from seen group by all
        """
    )
    groups = ["+".join(some) for size in range(1, 6) for some in combinations(LEVELS, size)]
    for group in groups:
        leaks = con.execute(
            f"select page, min({group}), max({group}) from pages join worlds using (community) group by page having min({group}) >= 1 and max({group}) <= 4 limit 3"
        ).fetchall()
        assert leaks == [], group
    clear(con)
