"""Formats: how each platform tells a action, byte for byte; the same action, the same bytes."""
