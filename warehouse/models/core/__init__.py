"""Models: one file for each table, SQL or Python; see the recipe in README.md."""
