"""One run: its stages from the file to the folder of results."""
