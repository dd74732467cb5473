"""Databases of recordings: which there are, and fetching them."""
