"""Build: from the landing file to every table."""
