"""Report: from the rows of a published file to the bytes of a report. Pure: the same rows give the same bytes."""
