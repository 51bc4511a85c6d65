"""Brian2 scripts as experiments: a script is run where Brian2 is installed, and what it builds is written as a file."""
