"""Accounts: programs and placeholders that are the same in every server."""

DISCORD = "discord"
"""The account that is used where Discord does not show who acts."""
DELETED_USER = "456226577798135808"
"""The placeholder for the authors of messages whose accounts were deleted: many people, so it is nobody."""
PROXIES = frozenset({"466378653216014359", "431544605209788416"})
"""Applications that delete a person's message and post it again under a name of that person's choice: PluralKit, Tupperbox."""
