"""Accounts: those with which Slack itself writes. They are the same in every workspace."""

SLACKBOT = "USLACKBOT"
SYSTEM_ACCOUNTS = frozenset({SLACKBOT, "USLACK", "U00"})
"""Slackbot; Slack's notices; and the placeholder in old exports for messages without an author."""
