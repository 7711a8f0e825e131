"""Streams: raw events in, interactions out. Knows nothing of DuckDB."""
