"""Parts of the reader of MATLAB files."""
