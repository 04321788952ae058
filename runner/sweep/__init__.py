"""Many runs of one command: the parent run, the sweeper, the search."""
