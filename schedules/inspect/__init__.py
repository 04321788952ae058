"""Questions about a schedule: where it breaks, what looks unintended, what it says of itself."""
