"""Training the default model, and a student of it."""
