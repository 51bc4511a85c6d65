"""Expressions, dimensions, integration methods."""
