"""The names in MLflow that those who write and those who read share."""

from __future__ import annotations

ARGUMENTS = "arguments"
"""Tag of a run or a sweep: the overrides of its command line as a list in JSON, to build commands from."""
PARENT = "mlflow.parentRunId"
"""Tag of a job: the sweep that it is part of; MLflow's own name."""
SWEEP_STAGE = "sweep.stage"
"""Tag of a job: ``tune`` or ``final``."""
SWEEP_VARIED = "sweep.varied"
"""Tag of a sweep: the settings that it varies, a list in JSON."""
SWEEP_SEARCHED = "sweep.searched"
"""Tag of a sweep: those of them that a search chose values of."""
SWEEP_ARGUMENTS = "sweep.overrides"
"""Tag of a sweep: the same in one line, for people; older versions have only that."""
