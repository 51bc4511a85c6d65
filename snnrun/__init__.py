"""Spiking neural network experiments as data: one file, one command."""

__version__ = "0.3.0"
