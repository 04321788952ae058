"""What a run writes on its own disk: its directory, its journals, where it came from."""
