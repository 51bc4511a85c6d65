"""The synapses of a network: which neurons they connect, and their values."""
