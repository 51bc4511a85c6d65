"""From the checked file to the network in SI units."""
