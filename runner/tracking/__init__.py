"""The way from a run's journals to MLflow."""
