"""The network as the text of one compiled kernel."""
