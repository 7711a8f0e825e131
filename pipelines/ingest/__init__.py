"""Ingest: the ways in for live events, and the durable write to the raw topic."""
