"""Formats: how each platform tells a deed, byte for byte; the same deed, the same bytes."""
