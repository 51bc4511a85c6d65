"""The network as data: its description, its graphs evaluated with numpy, what is known of it before it is built."""
