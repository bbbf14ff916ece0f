"""What a run leaves: its result, its files, what is measured on it, and whether it can be reproduced."""
