"""A sweep: plan the runs, train them in shards, aggregate what came out."""
