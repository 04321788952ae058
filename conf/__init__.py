"""What to run: the runner's Hydra configuration."""
