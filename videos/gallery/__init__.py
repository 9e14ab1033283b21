"""The page: what a run has found, to be browsed."""
