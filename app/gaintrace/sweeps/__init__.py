"""What is executed: the plan of a sweep, and the training of its shards."""
