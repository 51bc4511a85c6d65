"""HDF5 files and folders of results."""
