"""Training the network of noise levels."""
