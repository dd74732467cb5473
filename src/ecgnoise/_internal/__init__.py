"""What several parts of the package need and no caller does."""
