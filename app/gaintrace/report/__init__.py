"""How it is told: the report, its figures and words, on a page and in a terminal."""
