"""What kernels are made of: plain functions that numba compiles, and that Python runs as they stand."""
