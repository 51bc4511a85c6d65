"""The terminal: commands, progress, errors as people read them."""
