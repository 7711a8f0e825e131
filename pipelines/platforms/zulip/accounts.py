"""Accounts: those with which Zulip itself writes, for archives that mark none. They are the same in every organisation.

Zulip creates them in its internal realm: https://github.com/zulip/zulip, `zproject/settings.py` until 2020, later
`zproject/computed_settings.py` (INTERNAL_BOTS, REALM_INTERNAL_BOTS and DISABLED_REALM_INTERNAL_BOTS). Names that begin with
`Zulip` are of organisations older than the internal realm. Add a name or an address here when Zulip adds one.
"""

from events.identity import name_account

SYSTEM_NAMES = frozenset(
    map(
        name_account,
        (
            "Notification Bot",
            "Zulip Notification Bot",
            "Welcome Bot",
            "Zulip Welcome Bot",
            "Email Gateway",
            "Zulip Feedback Bot",
            "Zulip New User Bot",
            "Zulip Error Bot",
            "Zulip Nagios Bot",
            "Nagios Send Bot",
            "Nagios Receive Bot",
            "Nagios Staging Send Bot",
            "Nagios Staging Receive Bot",
            "Reminder Bot",
            "Zulip Reminder Bot",
        ),
    )
)
"""Of senders who have only a name."""
SYSTEM_ADDRESSES = frozenset(
    f"{name}@zulip.com"
    for name in (
        *("notification-bot", "welcome-bot", "emailgateway", "feedback", "new-user-bot", "error-bot", "reminder-bot"),
        *("nagios-send-bot", "nagios-receive-bot", "nagios-staging-send-bot", "nagios-staging-receive-bot"),
    )
)
"""E-mail addresses of senders."""


def is_system(name_only: str | None, email: str | None) -> bool:
    """Whether an account is Zulip's own. `name_only`: the native account of a sender who has only a name."""
    return name_only in SYSTEM_NAMES or (email is not None and email.lower() in SYSTEM_ADDRESSES)
