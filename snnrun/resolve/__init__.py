"""From the checked file to the network: names looked up, dimensions checked, everything in SI units."""
