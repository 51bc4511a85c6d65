"""Physical dimensions, unit names, quantities."""
