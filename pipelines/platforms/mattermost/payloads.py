"""Payloads: the parts of Mattermost's payloads that are read, live and in bulk exports."""

from typing import Annotated

from pydantic import Field

from pipelines.shared.payload import Milliseconds, Part

MOST_REACTIONS = 10_000
MOST_FILES = 1000

Name = Annotated[str, Field(min_length=1, max_length=200)]
"""Of a team, a channel or an account: Mattermost's names are ids that people type."""


class Hook(Part):
    """The body of an outgoing webhook: a new message of a public channel. It shows no thread."""

    team_domain: Name
    channel_name: Name | None = None
    timestamp: Milliseconds
    user_name: Name
    text: str = ""
    file_ids: str = ""


class Props(Part):
    """What programs add to a post. Flags are texts."""

    from_webhook: str | bool | None = None
    from_bot: str | bool | None = None
    from_plugin: str | bool | None = None
    override_username: str | None = None
    webhook_display_name: str | None = None

    @property
    def by_program(self) -> bool:
        """Whether a program posted it."""
        return any(flag in {"true", True} for flag in (self.from_webhook, self.from_bot, self.from_plugin))


class Reaction(Part):
    """A reaction to a post."""

    user: Name
    create_at: Milliseconds
    emoji_name: Name


class Attachment(Part):
    """A file of a post."""

    path: str | None = None


class Post(Part):
    """A post or a reply of an export."""

    user: Name
    type: str | None = None
    message: str = ""
    props: Props | None = None
    create_at: Milliseconds
    edit_at: int | None = None
    delete_at: int | None = None
    reactions: Annotated[tuple[Reaction, ...] | None, Field(max_length=MOST_REACTIONS)] = None
    attachments: Annotated[tuple[Attachment, ...] | None, Field(max_length=MOST_FILES)] = None


class Root(Part):
    """The post that a reply answers."""

    user: Name
    create_at: Milliseconds


class Exported(Part):
    """A post of an export, as `export.py` wraps it. Of a closed channel, only that there was one."""

    team: Name
    channel: Name
    closed: bool = False
    unlisted: bool = False
    root: Root | None = None
    post: Post | None = None


class User(Part):
    """An account of an export. `bot`: from the list of bots."""

    username: Name
    email: str | None = None
    nickname: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    display_name: str | None = None
    bot: bool = False
    seen_at: Milliseconds

    @property
    def name(self) -> str | None:
        """The name that people know."""
        return (
            self.display_name or " ".join(part for part in (self.first_name, self.last_name) if part) or self.nickname or None
        )
