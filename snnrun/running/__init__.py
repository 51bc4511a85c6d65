"""One run: from the file to its folder of results."""
