"""A real MediaWiki, polled in this process: what the script does is what is understood. `make peers` adds Kafka, kills, outages."""

from collections import Counter
from datetime import UTC, datetime

import httpx
import pytest

from events.raw import RawEvent
from pipelines.connector import CursorExpired, PollOptions
from pipelines.platforms.mediawiki.poll import Cursor, poll
from pipelines.understand.understand import understand
from tests.peers.community import WikiCommunity, wanted
from tests.peers.mediawiki import MediaWiki, missing
from tests.pipelines.test_platforms import KEY, everything_belongs_to_the_gardeners

TENANT = "127.0.0.1"
ACTS = (
    "_edit",
    "_talk",
    "_minor_talk",
    "_burst",
    "_undo",
    "_rollback",
    "_manual_revert",
    "_move",
    "_upload",
    "_protect",
    "_block",
)
ACTS += ("_patrol", "_delete", "_new_page", "_restore")


@pytest.fixture
def wiki(tmp_path):
    if why := missing():
        pytest.skip(why)
    made = MediaWiki(tmp_path / "wiki")
    made.install()
    made.start()
    yield made
    made.stop()


class Reader:
    """Polls, and understands what comes."""

    def __init__(self, wiki: MediaWiki) -> None:
        self.url, self.cursor = wiki.url, None
        self.interactions: list = []
        self.verdicts: Counter[str] = Counter()

    def read(self) -> None:
        context = everything_belongs_to_the_gardeners()
        options = PollOptions(source="wiki", base_url=self.url, now=datetime.now(UTC))
        with httpx.Client(timeout=60) as client:
            for page in poll(client, options, self.cursor):
                self.cursor = page.cursor
                for event in page.events:
                    raw = RawEvent(
                        id=event.id,
                        sender="/poll/mediawiki/wiki",
                        type=event.type,
                        source="poll/mediawiki/wiki",
                        received_at=options.now,
                        payload=event.payload,
                        tenant=event.tenant,
                    )
                    outcome = understand(raw.payload, raw.headers(), 0, 0, context)
                    self.verdicts[outcome.record.verdict] += 1
                    self.interactions += outcome.interactions


def test_every_kind_of_act_on_a_real_wiki_is_the_interaction_that_it_should_be(wiki):
    reader = Reader(wiki)
    community = WikiCommunity(wiki, 1, reader.read)
    for _ in range(3):
        community.act()
    for act in ACTS:
        getattr(community, act)()
    reader.read()
    reader.read()
    known = {row[4] for row in (wanted(one, KEY, TENANT) for one in community.expected) if row[4]}
    found = Counter(
        (one.verb, one.actor, one.space, one.object_id, one.event_id if one.event_id in known else None, one.reply_to_id)
        for one in reader.interactions
    )
    assert found == Counter(wanted(one, KEY, TENANT) for one in community.expected)
    assert set(reader.verdicts) == {"understood"}


def test_a_real_wiki_that_purged_what_was_not_read_makes_the_cursor_expire(wiki):
    reader = Reader(wiki)
    reader.read()
    person = wiki.person("Rosa")
    person.edits("Pears", "One line.")
    wiki.sql("delete from recentchanges")
    person.edits("Pears", "Another line.")
    asked = Cursor.read(reader.cursor).asked.isoformat()
    reader.cursor = reader.cursor.replace(asked, "2020-01-01T00:00:00+00:00")  # nobody asked since
    with pytest.raises(CursorExpired):
        reader.read()
