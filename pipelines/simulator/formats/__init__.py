"""Formats: the payloads of each platform for an action. The same action gives the same bytes."""
