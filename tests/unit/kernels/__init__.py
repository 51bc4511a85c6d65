"""Tests of the numerical functions and of the random numbers."""
