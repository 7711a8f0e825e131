"""Delivery: which reports are due, how they are issued, and the ledger of what was issued."""
