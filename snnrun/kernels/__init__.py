"""Functions that numba compiles and numpy runs.

Plain functions of numbers and arrays: what kernels call, and what Python can call as it stands.
"""
