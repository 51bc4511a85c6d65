"""Equations as text, as trees, as checked graphs, and their integration."""
