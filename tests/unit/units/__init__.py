"""Tests of dimensions, units and quantities in writing."""
