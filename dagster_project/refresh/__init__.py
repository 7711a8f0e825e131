"""Refresh: the process that owns the warehouse, and its state."""
