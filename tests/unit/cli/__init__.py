"""Tests of the command line, piece by piece."""
