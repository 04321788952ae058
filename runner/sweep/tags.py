"""Which launchers can go on with a sweep."""

from __future__ import annotations

POOLED = ("local", "ray")
"""Launchers of jobs in processes of their own, with a manifest to go on from."""
