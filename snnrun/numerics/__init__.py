"""Numerics: mathematical functions and random numbers with the same bits in numpy and in compiled kernels."""
