"""Imports: exports on disk, sent through the same checks as live events."""
