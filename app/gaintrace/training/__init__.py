"""Training a population of runs, evaluating it, and keeping what it has done."""
