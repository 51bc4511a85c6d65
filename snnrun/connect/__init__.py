"""Which neurons synapses connect, and their values."""
