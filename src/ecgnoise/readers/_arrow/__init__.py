"""Parts of the reader of Parquet and Feather files."""
