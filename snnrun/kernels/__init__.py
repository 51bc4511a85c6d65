"""Functions that numba compiles and numpy runs.

Plain functions of numbers and arrays: kernels call them, and Python can call them too.
"""
