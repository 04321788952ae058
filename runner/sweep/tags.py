"""What the run of a sweep says of it in MLflow, and which launchers can go on with one."""

from __future__ import annotations

LOOKS = "sweep.looks"
"""Tag: the settings of the looks at which seeds were added, and the first fresh seed, as JSON."""

POOLED = ("local", "ray")
"""Launchers of jobs in processes of their own, with a manifest to go on from."""
