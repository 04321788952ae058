"""From settings to a trained model: building, the loop, checkpoints, several processes."""
