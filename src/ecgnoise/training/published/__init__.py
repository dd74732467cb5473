"""Training the published networks, and converting their checkpoints."""
