"""MediaWiki: edits, talk, uploads, thanks and upkeep, from recent changes of EventStreams, `$wgRCFeeds` and the API.

What becomes of what, in the new and the old style of the feed, posted, polled or in a file:

* The tenant is the wiki's domain (`meta.domain`, else `server_name`, else the host of `server_url`). A space is the number of
  a namespace. What concerns the whole wiki and no page (accounts, thanks, blocks, rights) is in the space `site`. Every wiki
  counts as public, because a feed does not state otherwise.
* A revision is `rev:<number>`, whatever verb it gets. An edit is `edit`, a new page `create`; their size is the difference in
  bytes. Time is the change's own second; `meta.dt`, when it was sent, is not read.
* On a talk page (odd namespaces) an edit that adds something and is not marked minor is a `post`, and so is a new talk page.
  Its thread is the page, with the section that the summary names (`/* Section */`). What is minor or removes text is an
  `edit` of that page: the platform's flag and the sign of the size decide, not the text. SQL finds who is answered.
* A revision that carries `mw-undo`, `mw-rollback` or `mw-manual-revert` is a `revert` (curation, no contribution) of the
  revision before it. An undo whose summary links the undone revision, as MediaWiki writes it, is of that one. A rollback
  undoes several revisions; only the last is known. Plain feeds carry no tags, so there a revert is an edit. Words are never
  interpreted.
* A page is known by its title, or by `page_id` where a feed adds that. Titles name people: a title is kept as a keyed hash.
* Logs: upload and overwrite are `upload`, of the file; thanks are `thank`, addressed to the person whose page it names;
  deletion, move, protection, block, rights, merge, patrol and content model are `moderate`, a move with the new title as
  reference. What the software does by itself (redirects deleted by a move, automatic patrol) is not participation, nor is any
  other log.
* An account that somebody makes on this wiki joins it (`create`; for `create2` and `byemail` it is the account made, not its
  maker). One that comes over from a sister wiki by visiting (`autocreate`) has done nothing.
* What a wiki hides from its readers (`userhidden`, `actionhidden`, `suppressed` of the API) is private.
* Categorisation, changes of Wikidata (`external`) and unknown types are not participation. The canary is a sign of life.
* An account is its name, for anonymous editors their address, keyed like all. No name is passed on for addresses and
  temporary accounts. The bot flag is the edit's.
"""

import hashlib
import hmac
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from ipaddress import ip_address
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field
from pydantic_core import from_json

from events.identity import title_object
from events.interaction import ActorKind, Medium, ObjectKind, SizeUnit, Visibility
from events.outcome import Reason
from events.raw import RawEvent
from events.verb import Verb
from pipelines.connector import Accept, AccountSeen, Action, Answer, Found, Handshake, Ignored, Platform, Refuse, Request
from pipelines.platforms.mediawiki.api import API_CHANGE, API_LOG, as_recent_change, is_hidden
from pipelines.platforms.mediawiki.export import MOST_SECONDS, RECENT_CHANGE, read_changes, tenant_of
from pipelines.platforms.mediawiki.poll import poll

CANARY = "canary"
SITE = "site"
"""The space of what concerns the whole wiki."""
SIGNATURE = "x-hub-signature-256"
_TYPES = {"0": "edit", "1": "new", "3": "log", "5": "external", "6": "categorize"}
"""Numbers that stand for types in the oldest feeds."""
_REVERTS = frozenset({"mw-undo", "mw-rollback", "mw-manual-revert"})
_UPKEEP = frozenset({"delete", "move", "protect", "block", "rights", "merge", "patrol", "contentmodel"})
_OF_THE_SITE = frozenset({"block", "rights"})
_AUTOMATIC = frozenset({"delete_redir", "delete_redir2", "autopatrol"})
_MADE_FOR_ANOTHER = frozenset({"create2", "byemail"})
_UNDONE = re.compile(r"\[\[[^\[\]|/]{1,64}/([0-9]{1,15})\|\1\]\]")
"""The link to the undone revision in MediaWiki's own summary, in every language: `[[Special:Diff/123|123]]`."""

Number = Annotated[int, Field(ge=0, lt=2**63)]
Title = Annotated[str, Field(min_length=1, max_length=1024)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class _Pair(_Part):
    old: Number | None = None
    new: Number | None = None


class _Change(_Part):
    """What every edit and log entry has."""

    namespace: Annotated[int, Field(ge=-(2**31), lt=2**31)]
    title: Title
    timestamp: Annotated[int, Field(ge=0, le=MOST_SECONDS)]
    user: Title
    bot: bool = False
    comment: str | None = None
    page_id: Number | None = None

    @property
    def at(self) -> datetime:
        """When it happened."""
        return datetime.fromtimestamp(self.timestamp, UTC)

    @property
    def page(self) -> str:
        """The page's native id: its number where the feed gives one, for that survives a move; else its title."""
        return f"page:{self.page_id}" if self.page_id else title_object(self.title)

    @property
    def named(self) -> str:
        """The account whose page this is: the title without its namespace, in whatever language."""
        return self.title.partition(":")[2].partition("/")[0] or self.title


class _Edit(_Change):
    minor: bool | None = None
    length: _Pair = _Pair()
    revision: _Pair
    tags: tuple[str, ...] = ()

    @property
    def difference(self) -> int | None:
        """By how many bytes the page grew."""
        return None if self.length.new is None else self.length.new - (self.length.old or 0)


class _Log(_Change):
    id: Number | None = None
    log_id: Number | None = None
    log_type: str | None = None
    log_action: str | None = None
    log_params: Any = None

    @property
    def key(self) -> str:
        """The entry's natural key. Raises ValueError where the feed gives none."""
        if self.log_id:
            return f"log:{self.log_id}"
        if self.id:
            return f"rc:{self.id}"
        raise ValueError("a log entry without log_id and id")

    @property
    def target(self) -> str | None:
        """Where a page was moved to."""
        found = self.log_params.get("target") if isinstance(self.log_params, dict) else None
        return found if isinstance(found, str) and 0 < len(found) <= 1024 else None  # noqa: PLR2004 - as every title


def normalise(raw: RawEvent) -> Iterator[Found]:
    """The actions and accounts of one recent change. Raises ValueError for what is none."""
    change = from_json(raw.payload, allow_inf_nan=False)
    if not isinstance(change, dict):
        raise ValueError("a recent change is a JSON object")  # noqa: TRY004 - unreadable is a ValueError
    if raw.type in {API_CHANGE, API_LOG}:
        if is_hidden(change):
            yield Ignored(Reason.PRIVATE, raw.tenant)
            return
        change = as_recent_change(change, raw.type)
    domain, wiki = tenant_of(change), change.get("wiki")
    if domain == CANARY:
        yield Handshake()
        return
    tenant = domain or raw.tenant or (wiki if isinstance(wiki, str) and 0 < len(wiki) <= 256 else None)  # noqa: PLR2004
    if tenant is None or "type" not in change:
        raise ValueError("a recent change without its wiki or type")
    kind = str(change["type"])
    match _TYPES.get(kind, kind):
        case "edit" | "new" as what:
            edit = _Edit.model_validate(change)
            yield _edited(tenant, edit, created=what == "new")
            yield from _account(tenant, edit)
        case "log":
            yield from _logged(tenant, _Log.model_validate(change))
        case _:
            yield Ignored(tenant=tenant)


def _edited(tenant: str, edit: _Edit, *, created: bool) -> Action:
    if not edit.revision.new:
        raise ValueError("an edit without the number of its revision")
    talk = edit.namespace > 0 and edit.namespace % 2 == 1
    is_post = talk and (created or (not edit.minor and (edit.difference is None or edit.difference > 0)))
    undone = _undone(edit)
    return Action(
        key=_revision(edit.revision.new),
        tenant=tenant,
        space=str(edit.namespace),
        medium=Medium.WIKI,
        visibility=Visibility.PUBLIC,
        occurred_at=edit.at,
        verb=Verb.REVERT if undone else Verb.POST if is_post else Verb.CREATE if created else Verb.EDIT,
        actor=edit.user,
        actor_kind=ActorKind.BOT if edit.bot else ActorKind.HUMAN,
        object_id=edit.page,
        object_kind=ObjectKind.PAGE,
        thread_id=_thread(edit) if is_post else None,
        reply_to_id=undone,
        size=edit.difference,
        size_unit=None if edit.difference is None else SizeUnit.BYTES,
    )


def _revision(number: int) -> str:
    return f"rev:{number}"


def _undone(edit: _Edit) -> str | None:
    if _REVERTS.isdisjoint(edit.tags):
        return None
    named = _UNDONE.search(edit.comment or "") if "mw-undo" in edit.tags else None
    number = int(named.group(1)) if named else edit.revision.old
    return _revision(number) if number else None


def _thread(edit: _Edit) -> str:
    summary = (edit.comment or "").lstrip()
    opened, closed, _ = summary.partition("*/")
    section = opened.removeprefix("/*").strip() if closed and opened.startswith("/*") else ""
    return title_object(f"{edit.page}#{section}") if section else edit.page


def _logged(tenant: str, log: _Log) -> Iterator[Found]:
    match log.log_type, log.log_action:
        case "upload", "upload" | "overwrite":
            yield replace(_done(tenant, log, Verb.UPLOAD), object_kind=ObjectKind.FILE)
        case "thanks", _:
            yield replace(_done(tenant, log, Verb.THANK), space=SITE, mentions=(log.named,))
        case "newusers", "create" | "create2" | "byemail" as how:
            actor = log.named if how in _MADE_FOR_ANOTHER else log.user
            joined = _done(tenant, log, Verb.JOIN)
            yield replace(joined, space=SITE, actor=actor, object_id=tenant, object_kind=ObjectKind.COMMUNITY)
        case str() as what, action if what in _UPKEEP and action not in _AUTOMATIC:
            target = log.target if what == "move" else None
            done = replace(_done(tenant, log, Verb.MODERATE), refs=(title_object(target),) if target else ())
            yield replace(done, space=SITE) if what in _OF_THE_SITE else done
        case _:
            yield Ignored(tenant=tenant, space=str(log.namespace))
            return
    yield from _account(tenant, log)


def _done(tenant: str, log: _Log, verb: Verb) -> Action:
    return Action(
        key=log.key,
        tenant=tenant,
        space=str(log.namespace),
        medium=Medium.WIKI,
        visibility=Visibility.PUBLIC,
        occurred_at=log.at,
        verb=verb,
        actor=log.user,
        actor_kind=ActorKind.BOT if log.bot else ActorKind.HUMAN,
        object_id=log.page,
        object_kind=ObjectKind.PAGE,
    )


def _account(tenant: str, change: _Change) -> Iterator[AccountSeen]:
    if not _is_passing(change.user):
        # An edit without the flag proves nothing: bots make those too.
        kind = ActorKind.BOT if change.bot else None
        yield AccountSeen(tenant=tenant, native_id=change.user, said_at=change.at, handle=change.user, kind=kind)


def _is_passing(user: str) -> bool:
    """Whether nobody can be found behind this account later: an address, or a temporary account (`~2025-12345-67`)."""
    if user.startswith("~2"):
        return True
    try:
        ip_address(user)
    except ValueError:
        return False
    return True


def verify(request: Request, secrets: tuple[str, ...], now: float) -> Accept | Answer | Refuse:  # noqa: ARG001 - no time in it
    """Check `X-Hub-Signature-256: sha256=…`, HMAC-SHA-256 over the body: ours to choose, for MediaWiki's feeds sign nothing."""
    signature = request.headers.get(SIGNATURE, "").encode("utf-8", "replace")
    if not any(hmac.compare_digest(_signature(request.body, secret), signature) for secret in secrets if secret):
        return Refuse("X-Hub-Signature-256 does not match")
    return Accept(RECENT_CHANGE)


def sign(body: bytes, secret: str, now: float) -> dict[str, str]:  # noqa: ARG001 - no time in it
    """The headers with which a wiki is to send this body."""
    return {"content-type": "application/json", SIGNATURE: _signature(body, secret).decode()}


def _signature(body: bytes, secret: str) -> bytes:
    return b"sha256=" + hmac.digest(secret.encode(), body, hashlib.sha256).hex().encode()


PLATFORM = Platform(
    slug="mediawiki",
    title="MediaWiki",
    medium=Medium.WIKI,
    reference="https://www.mediawiki.org/wiki/Manual:RCFeed",
    setup=(
        'Poll: give the source kind = "poll", and the address of the wiki\'s api.php as `url`. Nothing changes on the wiki.',
        (
            "Wikimedia: set `url` to https://stream.wikimedia.org/v2/stream/recentchange, and `tenant` to the wiki's domain, "
            "such as meta.wikimedia.org."
        ),
        "A wiki that only members read needs an owner-only OAuth 2 access token as the secret of the source.",
        "To push instead of poll, a small program of yours passes the feed on, because MediaWiki does not sign it.",
        "Webhook: send every change of `$wgRCFeeds` (as JSON) or EventStreams to <gateway>/hooks/mediawiki/<source>.",
        (
            "Sign each request with the header X-Hub-Signature-256: `sha256=` and the hex HMAC-SHA-256 of the body, with the "
            "secret of the source as the key."
        ),
        "SDK or CloudEvents: emit every change as `mediawiki.recentchange` (events.sdk.emitter, or POST /v1/events).",
        "Export: run `guildhall import mediawiki-recentchange FILE` with recent changes in .jsonl or .json, plain or .gz.",
        (
            "In a community's space, `workspace` is the wiki's domain, `spaces` are numbers of namespaces, or `site` for what "
            "concerns the whole wiki. Two wikis cannot share one domain."
        ),
    ),
    reads=(
        "Who edits, creates, uploads, reverts, thanks, moderates or joins, on which page, when, and by how many bytes.",
        "The summary of an edit, for the section of a talk page and the revision that an undo names.",
    ),
    does_not_read=(
        "The text of pages.",
        "What people look at or search for.",
        "By poll: what the wiki hides, and edits of pages that were deleted before the next poll.",
        "Titles of pages: they are stored as keyed hashes only.",
    ),
    version=1,
    normalise=normalise,
    verify=verify,
    sign=sign,
    poll=poll,
    exports={"mediawiki-recentchange": read_changes},
    emits=True,
)
