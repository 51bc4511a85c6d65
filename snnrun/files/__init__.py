"""Files that others may have made: regular files only, read with limits; nothing in them is executed."""
