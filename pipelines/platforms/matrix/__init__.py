"""Matrix: the platform's row."""

from events.interaction import Medium
from pipelines.connector import Platform
from pipelines.platforms.matrix.export import read_export
from pipelines.platforms.matrix.normalise import normalise
from pipelines.platforms.matrix.poll import poll
from pipelines.platforms.matrix.webhook import sign, verify

PLATFORM = Platform(
    slug="matrix",
    title="Matrix",
    medium=Medium.CHAT,
    reference="https://spec.matrix.org/latest/application-service-api/",
    setup=(
        "Live: on the homeserver, register an application service with the url <gateway>/hooks/matrix/<source>.",
        (
            "In the registration, set namespaces.rooms to the ids of the community's rooms with exclusive: false, "
            "rate_limited: false and receive_ephemeral: false."
        ),
        "Give the source the registration's hs_token (`secret_env` or `secret_file` in [source.NAME]).",
        (
            "Reload the homeserver's settings: in Synapse, name the registration in app_service_config_files. A transaction "
            "may have 1 MiB; Synapse keeps one that is refused, and sends it again."
        ),
        "History: in Element, export each room's chat as JSON; run `guildhall import matrix-export FOLDER`.",
        "Set no tenant, or the same one for the source and for --tenant. Without one it is `matrix`.",
        "In a community's space, `workspace` is the tenant and `spaces` are ids of rooms, such as !soil:example.org.",
        "Without a homeserver of your own: kind = 'poll', its address as `url`, the access token of an account in the rooms.",
        "This platform was tried with the examples of Matrix's specification, not with a real homeserver.",
    ),
    reads=(
        "Who posts, replies, edits, redacts or reacts in a room, when, and whom they mention.",
        "Accounts: the Matrix id and the name that an account shows in a room.",
    ),
    does_not_read=(
        "Encrypted messages: they are ignored, unless an export holds them decrypted.",
        "The text of messages, beyond whether it asks or thanks. The text is dropped once these features are read.",
        "Who is in a room, receipts, typing, presence, calls, and votes in polls.",
        "Files: only that one was sent.",
    ),
    version=1,
    normalise=normalise,
    verify=verify,
    sign=sign,
    poll=poll,
    exports={"matrix-export": read_export},
    snapshots=frozenset({"matrix-export"}),
    emits=True,
    paths_below=True,
)
