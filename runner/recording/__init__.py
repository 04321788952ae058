"""A script's own loop, recorded as the runner's own is: what stands behind ``runner.record``."""
