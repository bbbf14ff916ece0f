"""What a sweep's results mean: comparisons, statistics, findings."""
