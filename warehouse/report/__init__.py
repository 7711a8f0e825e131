"""Report: rows of `reports.*` made into the page a sponsor reads. Pure: the same rows give the same bytes."""
