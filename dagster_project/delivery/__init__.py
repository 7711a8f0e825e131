"""Delivery: which reports are due, and what has been issued."""
