"""The network as data, and its graphs in numpy."""
