"""Physical units: dimensions and their algebra, the table of unit names, and quantities in writing."""
