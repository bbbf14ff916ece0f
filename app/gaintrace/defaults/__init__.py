"""What is in force: the default configuration, its history, and whether it still holds."""
