import gzip
import hashlib
import json
import subprocess
import sys
from collections import Counter
from datetime import date
from itertools import islice
from pathlib import Path

from pipelines.connector import ImportOptions
from pipelines.imports.importer import raw_events
from pipelines.platforms import PLATFORMS
from pipelines.simulator.actions import Kind
from pipelines.simulator.calendar import Calendar
from pipelines.simulator.delivery import Ledger, deliveries, read_ledger
from pipelines.simulator.expected import Expected
from pipelines.simulator.exports import write_exports
from pipelines.simulator.formats.world import World
from pipelines.simulator.ground_truth import people_rows, truth_of, write_settings, write_truth
from pipelines.simulator.population import SPECS
from pipelines.simulator.scenario import Scenario

from .conftest import END, NOW, simulate


def _scenario(seed=3, weeks=12, live_weeks=6, members=60):
    return Scenario(seed, Calendar(END, weeks, live_weeks), members)


def _bytes_of(folder: Path, scenario: Scenario) -> str:
    digest = hashlib.sha256()
    world, expected = World(scenario.seed), Expected()
    for export in write_exports(scenario, world, folder, expected):
        digest.update(export.path.read_bytes())
    for one in deliveries(scenario, world, expected):
        digest.update(one.body + one.raw_id.encode())
    write_truth(folder / "truth.json", truth_of(scenario), expected)
    write_settings(folder, scenario, world)
    for name in ("truth.json", "people.csv", "roles.csv", "guildhall.toml"):
        digest.update((folder / name).read_bytes())
    return digest.hexdigest()


def test_the_same_seed_gives_the_same_bytes_and_another_gives_others(tmp_path):
    first = _bytes_of(tmp_path / "a", _scenario())
    assert first == _bytes_of(tmp_path / "b", _scenario())
    assert first != _bytes_of(tmp_path / "c", _scenario(seed=4))


def test_every_event_has_its_expected_outcome(simulated):
    assert simulated.found == simulated.expected.events
    assert len(simulated.interactions) == simulated.expected.interactions


def test_a_scenario_has_every_kind_of_action(tmp_path):
    kinds = {action.kind for action in _scenario(weeks=30, members=200).actions()}
    assert kinds == set(Kind)


def test_what_a_platform_sends_twice_is_the_same_interaction_twice(simulated):
    seen = Counter(one.event_id for one in simulated.interactions)
    assert sum(seen.values()) - len(seen) == simulated.expected.duplicates > 0
    content = {}
    for one in simulated.interactions:
        known = content.setdefault(one.event_id, one.model_dump(exclude={"raw"}))
        assert known == one.model_dump(exclude={"raw"})


def test_every_person_is_one_person_whatever_the_platform(simulated):
    platforms = Counter()
    for one in simulated.interactions:
        platforms[one.platform, one.community] += 1
    assert set(platforms) == {(platform, spec.slug) for platform in ("slack", "zoom", "mediawiki") for spec in SPECS}


def test_an_action_has_the_same_id_through_both_sources(tmp_path):
    live = _everything(tmp_path / "live", live_weeks=12)
    both = _everything(tmp_path / "both", live_weeks=1)
    # An export has neither reactions nor deleted messages, and shows a join only as a message in a channel.
    kept = {"post", "reply", "edit", "create", "revert", "moderate", "attend", "host", "present", "upload"}
    wanted = {
        key: one for key, one in live.items() if one.verb in kept and one.change != "delete" and not _is_deleted(key, live)
    }
    # It does not show which app is ours either: a post by our bot counts as a bot's.
    assert {both[key].actor_kind for key in set(both) - set(live)} == {"bot"}
    assert set(wanted) - set(both) == set()
    edited = {one.revises for one in live.values()}
    for key in wanted:
        # An export says when it was made. Of an edited message it has the last text only.
        left_out = {"raw", "captured_at", *(("size", "features") if key in edited else ())}
        mine, other = (found[key].model_dump(exclude=left_out) for found in (live, both))
        assert mine == other, key


def _is_deleted(key, found):
    original = found[key].revises or key
    return f"{original}:delete" in found


def _everything(folder, live_weeks):
    folder.mkdir()
    done = simulate(folder, seed=5, weeks=12, live_weeks=live_weeks, members=60)
    return {one.event_id: one for one in done.interactions}


def test_an_import_sent_twice_adds_no_raw_id(simulated):
    def ids():
        return [
            raw.id
            for export in simulated.exports
            for raw in raw_events(PLATFORMS[export.platform], export.kind, export.path, ImportOptions(), NOW)
        ]

    first = ids()
    assert first == ids()
    assert len(set(first)) == len(first)


def test_a_feed_of_changes_links_every_revision_to_the_one_before(simulated):
    last = {}
    for export in simulated.exports:
        if export.platform != "mediawiki":
            continue
        with gzip.open(export.path) as lines:
            for change in map(json.loads, lines):
                if change["type"] in {"edit", "new"}:
                    place = change["wiki"], change["title"]
                    assert change["revision"].get("old") == last.get(place)
                    last[place] = change["revision"]["new"]
    assert last


def test_live_sources_get_nothing_that_is_too_old_for_them(simulated):
    assert not [one for _, outcome in simulated.outcomes for one in [outcome.record] if one.detail and "400 days" in one.detail]


MANY = """
from datetime import date
from pathlib import Path
from pipelines.simulator.scenario import Scenario
from pipelines.simulator.calendar import Calendar

actions = Scenario(1, Calendar(date(2026, 3, 30), 2, 2), 100_000).actions()
count = sum(1 for _ in actions)
# Not ru_maxrss, which begins with the size of the process that started this one.
peak = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
print(count, int(peak.split()[1]) // 1024)
"""


def test_a_hundred_thousand_members_are_simulated_one_week_at_a_time():
    output = subprocess.run([sys.executable, "-c", MANY], capture_output=True, text=True, check=True).stdout
    actions, megabytes = map(int, output.split())
    assert actions > 200_000
    assert megabytes < 300


def test_the_work_grows_with_the_people_and_not_with_their_square():
    def actions(members):
        return sum(1 for _ in Scenario(1, Calendar(END, 2, 2), members).actions())

    few, many = actions(1_000), actions(4_000)
    assert 3 < many / few < 5


def test_the_ground_truth_has_the_people_whose_pattern_is_the_core():
    scenario = _scenario(weeks=104, live_weeks=20, members=300)
    truth = truth_of(scenario)
    for spec, people in zip(SPECS, scenario.people, strict=True):
        core = truth.core[spec.slug]
        at_the_end = {person.key for person in people if str(person.pattern(103)) == "core"}
        assert set(core.required) <= at_the_end <= set(core.required) | set(core.optional)
        assert not set(core.required) & set(core.optional)
        assert len(core.required) >= 4
    assert truth.cold.community == "gardeners"
    assert truth.cold.since < truth.cold.until <= truth.cold.over_by <= truth.ends


def test_nobody_expected_for_the_core_is_without_links(simulated):
    linked = {line.split(",")[0] for line in _people(simulated)}
    core = {person.key for people in simulated.scenario.people for person in people if person.core_spells()}
    assert core <= linked
    assert len(linked) < sum(map(len, simulated.scenario.people))


def _people(simulated):
    return [",".join(row) for row in people_rows(simulated.scenario, simulated.world)]


def test_a_ledger_counts_whole_lines_only(tmp_path):
    path = tmp_path / "ledger.jsonl"
    sent = list(islice(deliveries(_scenario(), World(3), Expected()), 50))
    with Ledger(path) as ledger:
        ledger.write(sent)
        ledger.write(sent[:1])
    with path.open("a") as file:
        file.write('{"id": "cut o')
    found = read_ledger(path)
    assert found.total() == 51
    assert found[sent[0].source, sent[0].raw_id] == 2 + sum(one.raw_id == sent[0].raw_id for one in sent[1:])


def test_garbage_never_becomes_anything(simulated):
    rejected = [outcome for _, outcome in simulated.outcomes if outcome.record.verdict == "rejected"]
    assert len(rejected) == 30
    assert not any(outcome.interactions or outcome.accounts for outcome in rejected)


def test_a_simulation_ends_on_a_monday():
    for bad in (lambda: Calendar(date(2026, 3, 31), 10), lambda: Calendar(END, 0), lambda: Calendar(END, 10, 56)):
        try:
            bad()
        except ValueError:
            continue
        raise AssertionError
