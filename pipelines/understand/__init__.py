"""Understand: from the bytes of a raw record to its outcome, and the records written from it."""
