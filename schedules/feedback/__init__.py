"""Rules that follow the loss: the value depends on what was measured, not on the step alone."""
