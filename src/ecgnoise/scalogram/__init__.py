"""From samples to images: the profile, superlets, and traces of the signal."""
