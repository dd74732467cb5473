"""Training a model: configuration, data, loop and export."""
