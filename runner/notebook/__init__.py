"""The runner from Python, for notebooks: what stands behind ``runner.run``, ``sweep`` and ``load``."""
