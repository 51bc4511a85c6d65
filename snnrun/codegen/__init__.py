"""A network as the text of one compiled kernel."""
