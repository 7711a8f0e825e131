"""MediaWiki: edits, talk, uploads, thanks and moderation, from recent changes of EventStreams, `$wgRCFeeds` and the API.

What becomes of what, in the new and the old style of the feed, posted, polled or in a file:

* The tenant is the wiki's domain (`meta.domain`, otherwise `server_name`, otherwise the host of `server_url`). A space is a
  namespace's number. What concerns the whole wiki and no page (accounts, thanks, blocks, rights) is in the space `site`. Every
  wiki counts as public, because a feed does not show otherwise.
* A revision is `rev:<number>`, whatever verb it gets. An edit is `edit`, a new page `create`; their size is the difference in
  bytes. Time is the change's own second; `meta.dt`, when it was sent, is not read.
* On a talk page (odd namespaces) an edit that adds something and is not marked minor is a `post`, and so is a new talk page.
  Its thread is the page, with the section that the summary names (`/* Section */`). A minor edit, or one that removes, is an
  `edit` of that page. This goes by the platform's flag and the sign of the difference, not by the text. Who is answered is
  left to SQL.
* A revision with `mw-undo`, `mw-rollback` or `mw-manual-revert` is a `revert` (curation, no contribution) of the revision
  before it. An undo whose summary links the undone revision, as MediaWiki writes it, reverts that one. A rollback undoes
  several revisions, of which the feed names only the last. Plain feeds have no tags: there a revert is an edit.
* A page is known by its title, or by `page_id` where a feed has that. Titles name people: a title is stored as a keyed hash.
  The warehouse follows moves (`core.page_names`), so a moved page and its threads stay one page and the same threads.
* Logs: upload and overwrite are `upload`, of the file. Thanks are `thank` and mention whose page they name. Deletion, move,
  protection, block, rights, merge, patrol and content model are `moderate`; a move has the new title as reference. What the
  software does by itself (redirects deleted by a move, automatic patrol) is not participation, nor is any other log.
* An account that somebody creates on this wiki joins it (`create`; for `create2` and `byemail` it is the new account that
  joins). An account of a sister wiki that is created by a visit (`autocreate`) has done nothing.
* An account that is renamed (`renameuser`, `gblrename`) or merged into another (`usermerge`) is one person under both names.
* What a wiki hides from its readers is ignored (`suppressed`): entries of the API with `userhidden`, `actionhidden` or
  `suppressed`, and changes whose `user` is missing or null.
* Categorisation, changes of Wikidata (`external`) and unknown types are not participation. The canary shows that the source is
  alive.
* An account is its name, for anonymous editors their network address, keyed like all. Addresses and temporary accounts are
  anonymous: no name is passed on for them. The bot flag is the edit's. The software's own
  accounts (`accounts.py`) are the system.
* An event of mediawiki.page_change.v1 is the edit or the new page that it names (`page_change.py`). Its other kinds are not
  participation: recent changes have them.
"""

import re
from collections.abc import Iterator
from dataclasses import replace

from events.identity import section_object, title_object
from events.interaction import ActorKind, Medium, ObjectKind, SizeUnit, Visibility
from events.outcome import Reason
from events.raw import RawEvent
from events.verb import Verb
from pipelines.connector import AccountSeen, Action, Found, Handshake, Ignored, UnreadableError
from pipelines.platforms.mediawiki import page_change
from pipelines.platforms.mediawiki.accounts import SYSTEM_NAMES, is_anonymous
from pipelines.platforms.mediawiki.api import API_CHANGE, API_LOG, as_recent_change, is_hidden
from pipelines.platforms.mediawiki.export import tenant_of
from pipelines.platforms.mediawiki.payloads import Change, Edit, Log
from pipelines.shared.payload import read_object

CANARY = "canary"
SITE = "site"
"""The space of what concerns the whole wiki."""
_TYPES = {"0": "edit", "1": "new", "3": "log", "5": "external", "6": "categorize"}
"""Numbers that stand for types in the oldest feeds."""
_OF_SOMEBODY = frozenset({"edit", "new", "log"})
_REVERTS = frozenset({"mw-undo", "mw-rollback", "mw-manual-revert"})
_MODERATION = frozenset({"delete", "move", "protect", "block", "rights", "merge", "patrol", "contentmodel"})
_OF_THE_SITE = frozenset({"block", "rights"})
_AUTOMATIC = frozenset({"delete_redir", "delete_redir2", "autopatrol"})
_MADE_FOR_ANOTHER = frozenset({"create2", "byemail"})
_UNDONE = re.compile(r"\[\[[^\[\]|/]{1,64}/([0-9]{1,15})\|\1\]\]")
"""The link to the undone revision in MediaWiki's own summary, in every language: `[[Special:Diff/123|123]]`."""


def normalise(raw: RawEvent) -> Iterator[Found]:
    """The actions in one recent change. Raises ValueError for anything else."""
    change = read_object(raw.payload)
    if raw.type in {API_CHANGE, API_LOG}:
        if is_hidden(change):
            yield Ignored(Reason.SUPPRESSED, raw.tenant)
            return
        change = as_recent_change(change, raw.type)
    elif page_change.is_page_change(change):
        change = page_change.as_recent_change(change)
    domain, wiki = tenant_of(change), change.get("wiki")
    if domain == CANARY:
        yield Handshake()
        return
    tenant = domain or raw.tenant or (wiki if isinstance(wiki, str) and 0 < len(wiki) <= 256 else None)  # noqa: PLR2004
    if tenant is None or "type" not in change:
        raise UnreadableError("a recent change without its wiki or type")
    kind = _TYPES.get(str(change["type"]), str(change["type"]))
    if kind in _OF_SOMEBODY and not change.get("user"):
        Change.model_validate(change | {"user": "hidden"})  # raises for an object that lacks more than its user
        yield Ignored(Reason.SUPPRESSED, tenant)
        return
    match kind:
        case "edit" | "new" as what:
            edit = Edit.model_validate(change)
            yield _edited(tenant, edit, created=what == "new")
            yield from _account(tenant, edit)
        case "log":
            yield from _logged(tenant, Log.model_validate(change))
        case _:
            yield Ignored(tenant=tenant)


def _edited(tenant: str, edit: Edit, *, created: bool) -> Action:
    if not edit.revision.new:
        raise UnreadableError("an edit without the number of its revision")
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
        actor_kind=_kind(edit),
        object_id=edit.page,
        object_kind=ObjectKind.PAGE,
        thread_id=_thread(edit) if is_post else None,
        reply_to_id=undone,
        size=edit.difference,
        size_unit=None if edit.difference is None else SizeUnit.BYTES,
    )


def _revision(number: int) -> str:
    return f"rev:{number}"


def _undone(edit: Edit) -> str | None:
    tags = edit.tags or ()
    if _REVERTS.isdisjoint(tags):
        return None
    named = _UNDONE.search(edit.comment or "") if "mw-undo" in tags else None
    number = int(named.group(1)) if named else edit.revision.old
    return _revision(number) if number else None


def _thread(edit: Edit) -> str:
    summary = (edit.comment or "").lstrip()
    opened, closed, _ = summary.partition("*/")
    section = opened.removeprefix("/*").strip() if closed and opened.startswith("/*") else ""
    return section_object(edit.page, section) if section else edit.page


def _logged(tenant: str, log: Log) -> Iterator[Found]:
    match log.log_type, log.log_action:
        case "upload", "upload" | "overwrite":
            yield replace(_done(tenant, log, Verb.UPLOAD), object_kind=ObjectKind.FILE)
        case "thanks", _:
            yield replace(_done(tenant, log, Verb.THANK), space=SITE, mentions=(log.named,))
        case "newusers", "create" | "create2" | "byemail" as how:
            actor = log.named if how in _MADE_FOR_ANOTHER else log.user
            joined = _done(tenant, log, Verb.JOIN)
            kind = joined.actor_kind if actor == log.user else ActorKind.HUMAN
            yield replace(joined, space=SITE, actor=actor, actor_kind=kind, object_id=tenant, object_kind=ObjectKind.COMMUNITY)
        case "renameuser" | "gblrename" | "usermerge", _ if log.renamed is not None:
            old, new = log.renamed
            yield AccountSeen(tenant=tenant, native_id=new, seen_at=log.at, handle=new, same_as=old)
        case str() as what, action if what in _MODERATION and action not in _AUTOMATIC:
            target = log.target if what == "move" else None
            done = replace(_done(tenant, log, Verb.MODERATE), refs=(title_object(target),) if target else ())
            yield replace(done, space=SITE) if what in _OF_THE_SITE else done
        case _:
            yield Ignored(tenant=tenant, space=str(log.namespace))
            return
    yield from _account(tenant, log)


def _done(tenant: str, log: Log, verb: Verb) -> Action:
    return Action(
        key=log.key,
        tenant=tenant,
        space=str(log.namespace),
        medium=Medium.WIKI,
        visibility=Visibility.PUBLIC,
        occurred_at=log.at,
        verb=verb,
        actor=log.user,
        actor_kind=_kind(log),
        object_id=log.page,
        object_kind=ObjectKind.PAGE,
    )


def _account(tenant: str, change: Change) -> Iterator[AccountSeen]:
    kind = _kind(change)
    if kind is not ActorKind.ANONYMOUS:
        # Without the flag the kind stays open: bots make such edits too.
        known = None if kind is ActorKind.HUMAN else kind
        yield AccountSeen(tenant=tenant, native_id=change.user, seen_at=change.at, handle=change.user, kind=known)


def _kind(change: Change) -> ActorKind:
    if change.bot:
        return ActorKind.BOT
    if change.user in SYSTEM_NAMES:
        return ActorKind.SYSTEM
    return ActorKind.ANONYMOUS if change.anon or change.temp or is_anonymous(change.user) else ActorKind.HUMAN
