"""What the run of a sweep says of it in MLflow, and which launchers can go on with one."""

from __future__ import annotations

COMMAND = "sweep.command"
"""Tag: the command line of a sweep, as a JSON list of overrides, those of Hydra's own settings among them."""

LOOKS = "sweep.looks"
"""Tag: the settings of the looks at which seeds were added, and the first fresh seed, as JSON."""

POOLED = ("local", "ray")
"""Launchers of jobs in processes of their own, with a manifest to go on from."""
