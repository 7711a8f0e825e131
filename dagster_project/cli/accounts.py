"""Accounts: from an account, as people.csv and roles.csv write it, to the pseudonyms under which its person is published."""

from collections.abc import Iterable
from pathlib import Path

from events.errors import GuildhallError
from events.identity import published_pseudonym
from warehouse.identity.rosters import account_id
from warehouse.identity.store import IdentityStore

PARTS = 3
"""platform/tenant/account."""


def is_account(text: str) -> bool:
    """Whether a text names an account: platform/tenant/account."""
    return text.count("/") >= PARTS - 1


def pseudonyms_of(identity: Path, key: bytes, account: str, communities: Iterable[str]) -> dict[str, str]:
    """Community -> the pseudonym of the account's person there. Raises GuildhallError where no record shows the account."""
    parts = account.split("/", PARTS - 1)
    actor = account_id(key, *parts)
    with IdentityStore(identity) as store:
        if store.account(actor) is None:
            raise GuildhallError(
                f"No account `{account}` has been seen.",
                "No record of a platform shows it, with this spelling.",
                "Write platform/tenant/account as in people.csv, such as slack/T024BE7LD/U024BE7LH.",
            )
        member = store.members().get(actor, actor)
    return {community: published_pseudonym(key, community, member) for community in communities}
