"""Worker: Faust reads the raw topic in chunks and commits what is done."""
