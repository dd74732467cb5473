"""Parts of the reader of EDF and BDF files."""
