"""Physical dimensions, units, and quantities as text."""
