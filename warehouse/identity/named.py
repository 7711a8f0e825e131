"""Named: which members of a community a name, an account or a person of people.csv may mean. For the operator only."""

from collections.abc import Collection, Mapping

from events.identity import PUBLISHED, name_account, published_pseudonym
from warehouse.identity.rosters import account_id
from warehouse.identity.store import PERSON, IdentityStore

_ACCOUNT_PARTS = 3


class Directory:
    """The members of one community, by what people call them."""

    def __init__(self, store: IdentityStore, key: bytes, community: str, members: Collection[str]) -> None:
        """Read the accounts of these members (published pseudonyms)."""
        self._key, self._community, self._members = key, community, frozenset(members)
        self._member_of: Mapping[str, str] = store.members()
        self._named: dict[str, set[str]] = {}
        for actor in store.actors():
            member = self._published(actor)
            account = store.account(actor) if member in self._members else None
            for name in (account.display_name, account.handle, account.native_id) if account else ():
                if name:
                    self._named.setdefault(_plain(name), set()).add(member)

    def find(self, who: str) -> set[str]:
        """Return the members whom this may mean: a person, platform/tenant/account, a name, a handle or a pseudonym."""
        if PUBLISHED.fullmatch(who) and who in self._members:
            return {who}
        parts = who.split("/", 2)
        candidates = {self._published(PERSON + who)}
        if len(parts) == _ACCOUNT_PARTS and all(parts):
            candidates.add(self._published(account_id(self._key, *parts)))
        return candidates & self._members or self._named.get(_plain(who), set())

    def _published(self, actor: str) -> str:
        return published_pseudonym(self._key, self._community, self._member_of.get(actor, actor))


def _plain(name: str) -> str:
    return name_account(name.removeprefix("name:").removeprefix("@"))
