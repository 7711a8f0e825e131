"""Revisions: an edit or a deletion of an action that came before, or is still to come."""

from dataclasses import replace
from datetime import datetime

from events.interaction import Change
from pipelines.connector import Action


def edited(original: Action, key: str, at: datetime, revision: int) -> Action:
    """The edit of an action: the same action with its new content, under a key of its own."""
    return replace(original, key=key, occurred_at=at, revises=original.key, change=Change.EDIT, revision=revision)


def deleted(original: Action, key: str, at: datetime, revision: int) -> Action:
    """The deletion of an action: nothing of its content remains."""
    return replace(
        original,
        key=key,
        occurred_at=at,
        revises=original.key,
        change=Change.DELETE,
        revision=revision,
        mentions=(),
        refs=(),
        size=None,
        size_unit=None,
        text=None,
        features=None,
    )
