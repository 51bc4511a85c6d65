"""Experiments as scripts of other simulators."""
