"""What is in force: the default configuration, its history, and whether it still holds."""

MARGIN = 0.003
"""Smallest difference in test AUC that matters to a validation, where nothing else is said."""
SEEDS = "42-71"
"""Seeds that a validation may train, and how many before each look at whether they tell."""
SEEDS_A_LOOK = 5
