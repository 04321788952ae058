"""The commands beside training: ``python -m runner <command>``."""
