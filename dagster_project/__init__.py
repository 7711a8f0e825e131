"""Orchestration: when things are built, and what a person sees. The only place that sees both streams and tables."""
