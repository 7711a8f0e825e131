"""Payloads of meetings that nobody on this project wrote, through the reader of each platform: each has the outcome decided."""

from collections import Counter
from datetime import UTC, datetime
from typing import Any

import pytest
import yaml

from events.communities import Communities, Community, SpaceRule
from pipelines.connector import ExportError, ImportOptions
from pipelines.imports.importer import raw_events
from pipelines.platforms import PLATFORMS
from pipelines.understand.understand import Context, Outcome, understand
from tests.pipelines.test_real_payloads import DECIDED, PAYLOADS, _in_words

pytestmark = [
    pytest.mark.histories,
    pytest.mark.skipif(not PAYLOADS.is_dir(), reason="the folder shared/data lies beside the repository only where we measure"),
]

READ = {
    "bigbluebutton": ("bigbluebutton", "bigbluebutton-events"),
    "google_meet": ("google_meet", "google-meet"),
    "jitsi": ("jitsi", "jitsi-events"),
    "msgraph": ("teams", "teams-files"),
    "teams": ("teams", "teams-files"),
    "zoom_rest": ("zoom", "zoom-webhooks"),
}
"""Folders of payloads, with platform and KIND."""
_READ = [
    (folder, name, decision)
    for folder in READ
    for name, decision in yaml.safe_load((DECIDED / f"{folder}.yaml").read_text()).items()
]


def _outcomes(folder: str, name: str) -> list[Outcome]:
    """The outcomes of the records that the reader finds in a file."""
    slug, kind = READ[folder]
    rule = SpaceRule(platform=slug, workspace="*", spaces=("*",))
    communities = Communities({"gardeners": Community(slug="gardeners", title="Gardeners", space=(rule,))})
    context = Context(key=b"k", communities=communities, platforms=PLATFORMS)
    options = ImportOptions(tenant="samples", time_zone="Europe/Brussels")
    raws = raw_events(PLATFORMS[slug], kind, PAYLOADS / folder / name, options, datetime(2026, 3, 2, 12, tzinfo=UTC))
    return [understand(raw.payload, raw.headers(), 0, number, context) for number, raw in enumerate(raws)]


@pytest.mark.parametrize(("folder", "name", "decision"), _READ, ids=[f"{folder}/{name}" for folder, name, _ in _READ])
def test_what_the_reader_finds_is_what_was_decided(folder: str, name: str, decision: dict[str, Any]) -> None:
    if "refused" in decision:
        with pytest.raises(ExportError, match=decision["refused"]):
            _outcomes(folder, name)
        return

    outcomes = _outcomes(folder, name)

    records = Counter(f"{one.record.verdict} {one.record.reason or ''}".strip() for one in outcomes)
    assert dict(records) == decision["records"]
    assert dict(Counter(_in_words(made) for one in outcomes for made in one.interactions)) == decision.get("found", {})
    assert decision["why"]


@pytest.mark.parametrize("folder", sorted(READ))
def test_every_file_that_is_read_has_a_decision(folder: str) -> None:
    files = {str(path.relative_to(PAYLOADS / folder)) for path in (PAYLOADS / folder).rglob("*") if path.is_file()}
    assert files == {name for of, name, _ in _READ if of == folder}
