"""The names in MLflow that those who write and those who read share."""

from __future__ import annotations

ARGUMENTS = "arguments"
"""Tag of a run or a sweep: the overrides of its command line as a list in JSON, to build commands from."""
SWEEP_ARGUMENTS = "sweep.overrides"
"""Tag of a sweep: the same in one line, for people; older versions have only that."""
