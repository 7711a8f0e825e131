"""Renderers: a report's data as bytes."""
