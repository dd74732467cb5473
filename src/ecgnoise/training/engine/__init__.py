"""What all training shares: configuration, loop, log and export."""
