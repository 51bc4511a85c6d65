"""Allocates a network and runs it."""
