"""Parts of the reader of HDF5 files."""
