"""Exports: what is on disk, read lazily. The readers that do not fit into their platform's own module live here."""
