"""The experiment file: load it with places, apply options, check it against the format."""
