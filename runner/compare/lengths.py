"""Which runs of a sweep are compared where some were trained for longer than others."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace

from ..record import keys
from ..words import listed
from .model import Collection
from .outcomes import counts

BY_DESIGN = ("trainer.", "dataset", "model")
"""Settings that decide how many steps a run has: a sweep that varies one compares lengths on purpose."""


def of_one_length(collection: Collection) -> tuple[Collection, list[str]]:
    """Return the runs that were trained for as many steps, and what to say of the others.

    The length that most runs with a result have is compared, of equals the longest. Runs without a result
    stay: they count for the cost alone. Where the sweep varies what decides the length, all are compared.

    Args:
        collection: the runs of a sweep, or of several.
    """
    lengths = Counter(run.total_steps for run in collection.runs if counts(run))
    if len(lengths) < 2:
        return collection, []
    varied = json.loads(collection.tags.get(keys.SWEEP_VARIED, "[]"))
    if any(key.startswith(BY_DESIGN) for key in varied):
        return collection, []
    kept = max(lengths, key=lambda steps: (lengths[steps], steps))
    runs = [run for run in collection.runs if not counts(run) or run.total_steps == kept]
    left = [run for run in collection.runs if counts(run) and run.total_steps != kept]
    told = listed([f"{run.name} ({run.total_steps:,} steps)" for run in left])
    said = (
        f"Not compared, since they were trained for another length than the {lengths[kept]} runs of "
        f"{kept:,} steps: {told}."
    )
    return replace(collection, runs=runs), [said]
