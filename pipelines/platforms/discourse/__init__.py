"""Discourse: the platform's row."""

from events.interaction import Medium
from pipelines.connector import Platform
from pipelines.platforms.discourse.export import read_topics
from pipelines.platforms.discourse.normalise import normalise
from pipelines.platforms.discourse.poll import poll
from pipelines.platforms.discourse.webhook import sign, verify

PLATFORM = Platform(
    slug="discourse",
    title="Discourse",
    medium=Medium.CHAT,
    reference="https://docs.discourse.org/",
    setup=(
        "Webhook: under Admin, Advanced, Webhooks, add <gateway>/hooks/discourse/<source> with the content type JSON.",
        "Select the events of posts, users and likes, and of solutions where the plugin is installed. Set a secret.",
        "Give the source that secret (`secret_env` or `secret_file` in [source.NAME]).",
        (
            "Without a webhook: give the source kind = 'poll' and the site's address as `url`. That reads public posts "
            "without a key; a secret of the source is sent as Api-Key, for sites that only members read."
        ),
        "History: save https://<site>/t/<id>.json for each topic, and /t/<id>/posts.json?post_ids[]=... beyond 20 posts.",
        "Run `guildhall import discourse-topics FOLDER --tenant <site>`. It names the topics of which posts are missing.",
        "Give the sources and --tenant the same tenant, such as forum.example.org: without one it is the host that sends.",
        "In a community's space, `spaces` are numbers of categories that every member reads, or `site` for joining.",
        "This platform was tried with invented payloads only, not with a real site.",
    ),
    reads=(
        "Who posts, answers, edits, deletes, likes or has an accepted answer, in which topic, when, and whom they mention.",
        "Accounts: user name and name; the email address where a webhook of users shows it.",
    ),
    does_not_read=(
        "Private messages, whispers, hidden posts, small actions, and the chat of Discourse: they are ignored.",
        "The text of posts, beyond whether it asks or thanks. The text is dropped once these features are read.",
        "Titles of topics, tags, reading times, badges, flags, and the likes of an export.",
        "Edits and deletions where posts are polled: only the webhook shows them.",
    ),
    version=1,
    normalise=normalise,
    verify=verify,
    sign=sign,
    poll=poll,
    exports={"discourse-topics": read_topics},
    snapshots=frozenset({"discourse-topics"}),
)
