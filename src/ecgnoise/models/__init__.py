"""Models: the folder they live in and the ways to run them."""
