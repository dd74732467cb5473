"""Parts of the reader of WFDB records."""
