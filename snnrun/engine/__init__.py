"""Building networks in memory and running them."""
