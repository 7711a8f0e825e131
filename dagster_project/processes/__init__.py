"""Processes: what runs as a process of its own, and how the processes are supervised."""
