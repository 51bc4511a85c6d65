"""From the checked file to the network that kernels run."""
