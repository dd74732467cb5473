"""Recordings to train on, and the lists by which they are taken again."""
