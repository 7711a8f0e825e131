"""Payloads: the parts of Slack's payloads that are read, live and in exports."""

from typing import Annotated, Any

from pydantic import Field

from pipelines.platforms.slack.export import TS
from pipelines.shared.payload import Id, Part

Ts = Annotated[str, Field(pattern=rf"^{TS.pattern}$")]
"""Slack's time and name of a message within its channel: seconds, a dot, a counter."""
Epoch = Annotated[int, Field(ge=0, le=99_999_999_999)]


class Envelope(Part):
    """Every payload, and every event within one, has a type."""

    type: str


class Authorization(Part):
    """An installation of the app for which the event is delivered."""

    user_id: str | None = None
    team_id: str | None = None
    is_bot: bool = False


class Callback(Part):
    """A delivery of one event."""

    team_id: Id
    context_team_id: str | None = None
    is_ext_shared_channel: bool = False
    api_app_id: str | None = None
    authorizations: tuple[Authorization, ...] = ()
    event: dict[str, Any]

    @property
    def installed_in(self) -> str:
        """The workspace of the installation. In a channel that workspaces share, `team_id` is the author's workspace."""
        first = self.authorizations[0].team_id if self.authorizations else None
        return first or self.context_team_id or self.team_id

    def is_own(self, account: str | None, app: str | None = None) -> bool:
        """Whether our own app did it."""
        if app is not None and app == self.api_app_id:
            return True
        return account is not None and any(ours.is_bot and ours.user_id == account for ours in self.authorizations)


class Edited(Part):
    """When a message was last edited."""

    ts: Ts


class File(Part):
    """A file that comes with a message. A deleted one may have no id."""

    id: Id | None = None


class BotProfile(Part):
    """The app behind a bot."""

    app_id: str | None = None


class Comment(Part):
    """A comment on a file, which was a message of its own until August 2018."""

    user: str | None = None
    comment: str | None = None


class Message(Part):
    """A message, live or exported."""

    ts: Ts
    subtype: str | None = None
    user: str | None = None
    bot_id: str | None = None
    app_id: str | None = None
    bot_profile: BotProfile | None = None
    username: str | None = None
    text: str | None = None
    team: str | None = None
    user_team: str | None = None
    thread_ts: Ts | None = None
    edited: Edited | None = None
    files: tuple[File, ...] | None = None
    file: File | None = None
    comment: Comment | None = None

    @property
    def author(self) -> str | None:
        """The account that wrote it: of a comment on a file, who commented."""
        return (self.comment.user if self.subtype == "file_comment" and self.comment else None) or self.user

    @property
    def own_text(self) -> str:
        """What the author wrote. Slack's own text about a comment on a file names the file's owner."""
        return (self.comment.comment if self.subtype == "file_comment" and self.comment else self.text) or ""

    @property
    def file_ids(self) -> tuple[str, ...]:
        """The files that it shares, mentions or is about."""
        found = (*(self.files or ()), *((self.file,) if self.file else ()))
        return tuple(dict.fromkeys(file.id for file in found if file.id))

    @property
    def app(self) -> str | None:
        """The app that wrote it, where an app did."""
        return self.app_id or (self.bot_profile.app_id if self.bot_profile else None)


class MessageEvent(Part):
    """What an event of a message has, whatever happened to it."""

    channel: Id
    channel_type: str | None = None
    subtype: str | None = None


class Changed(Part):
    """A message was changed, by a person or by Slack."""

    message: Message
    previous_message: Any = None
    event_ts: Ts


class Deleted(Part):
    """A message was deleted."""

    deleted_ts: Ts
    previous_message: Any = None
    event_ts: Ts


class Item(Part):
    """What a reaction was given to."""

    type: str
    channel: Id | None = None
    ts: Ts | None = None


class Reaction(Part):
    """A reaction was added or removed."""

    user: Id
    reaction: Id
    item: Item
    event_ts: Ts


class Profile(Part):
    """The profile of a user."""

    email: str | None = None
    display_name: str | None = None
    real_name: str | None = None


class EnterpriseUser(Part):
    """Who a user is in an Enterprise Grid organisation: one person in all of its workspaces."""

    id: Id
    enterprise_id: Id


class User(Part):
    """A user, live or exported."""

    id: Id
    name: str | None = None
    real_name: str | None = None
    is_bot: bool | None = None
    deleted: bool | None = None
    updated: Epoch | None = None
    profile: Profile | None = None
    enterprise_user: EnterpriseUser | None = None


class UserEvent(Part):
    """A user joined, or changed."""

    user: User
    event_ts: Ts | None = None


class ClosedMessage(Part):
    """A message of a channel that is private, or that no list of the export names. Only where it was is read."""

    team: Id
    channel: Id
    private: bool = False
    unlisted: bool = False


class ExportedMessage(Part):
    """A message of an export, as `export.py` wraps it. `bot`: whether the list of users calls the author a bot.

    `joins`: whether it reports that the author joined the workspace. `stranger`: whether the author is of another workspace, or
    in no list.
    """

    team: Id
    channel: Id
    private: bool
    bot: bool | None = None
    joins: bool = False
    stranger: bool = False
    message: Message


class ExportedUser(Part):
    """A user of an export, as `export.py` wraps it."""

    team: Id
    seen_at: Epoch
    user: User
