"""Guildhall: the row of the neutral event, for any platform that has none of its own."""

from events.interaction import Medium
from pipelines.connector import Platform
from pipelines.platforms.guildhall.export import read_actions
from pipelines.platforms.guildhall.normalise import normalise

PLATFORM = Platform(
    slug="guildhall",
    title="Any other platform",
    medium=Medium.CHAT,
    reference="https://cloudevents.io/",
    setup=(
        "Send one event of the type `guildhall.action` per action: events/README.md has an example.",
        "All fields: pipelines/platforms/guildhall/action.schema.json.",
        "SDK: emit each event with events.sdk.emitter to the gateway or to Kafka.",
        "HTTP: POST each event as a CloudEvent to <gateway>/v1/events, with the bearer token of events.token in the home.",
        "Give the tenant that names your platform, such as forum.example.org; without one it is `main`.",
        "History: run `guildhall import guildhall-actions FILE --tenant TENANT` with one event per line.",
        "In a community's space, `workspace` is the tenant and `spaces` are the values of `space`.",
        "Run `guildhall rejected` after the first events: it names the wrong or missing fields.",
    ),
    reads=(
        "Who does what, where, when, in answer to what, and whom they mention, as the platform sends it.",
        "Accounts: the name, where the platform sends one.",
    ),
    does_not_read=(
        "Fields that the schema does not have: an event with one is rejected.",
        "The text of messages, beyond whether it asks or thanks. The text is dropped once these features are read.",
        "Titles: they are stored as keyed hashes only, or dropped with the text.",
    ),
    version=1,
    normalise=normalise,
    exports={"guildhall-actions": read_actions},
    emits=True,
)
