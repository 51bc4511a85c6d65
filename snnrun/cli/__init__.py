"""Commands, progress and errors in a terminal."""
