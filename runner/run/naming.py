"""What a run is called: recipe, schedule, peak rate, seed, and what else a sweep varies."""

from __future__ import annotations

from collections.abc import Set
from typing import Any

from ..settings.config import RunSettings
from ..settings.overrides import given, in_force, key_of
from .stored_plan import FROM_RUN

TOLD = frozenset({"experiment", "schedule", "optimizer.lr", "schedule.lr.peak_value", "seed"})
"""Keys that every run's name speaks of already."""


def run_name(settings: RunSettings, overridden: list[str], varied: Set[str] = frozenset()) -> str:
    """Return what tells a run from its neighbours.

    Args:
        settings: the run's.
        overridden: overrides of its command line.
        varied: keys that the sweep above it varies.
    """
    peak = peak_rate(settings)
    rate = [f"lr={peak:g}"] if peak is not None else []
    recipe = [name] if (name := experiment_name(overridden)) is not None else []
    others = varied_overrides(overridden, varied - TOLD)
    return " ".join([*recipe, schedule_name(settings, overridden), *rate, *others, f"seed={settings.seed}"])


def varied_overrides(overridden: list[str], varied: Set[str]) -> list[str]:
    """Return the overrides of the varied keys; of one that is given twice, the last, which counts."""
    return [each for each in in_force(overridden) if key_of(each) in varied]


def peak_rate(settings: RunSettings) -> float | None:
    """Return the peak of the learning rate; ``None`` where there is none."""
    node = settings.schedule.get("lr")
    peak = node.get("peak_value") if isinstance(node, dict) else node
    if isinstance(node, dict) and any(isinstance(each, dict) for each in _held(node)):
        return None  # made of schedules, each with a peak of its own
    if not isinstance(peak, (int, float)):
        peak = settings.optimizer.get("lr")  # a user's own optimizer may have no rate of that name
    return peak if isinstance(peak, (int, float)) else None


def _held(node: dict[str, Any]) -> list[Any]:
    """Return what the fields of a node hold, lists opened."""
    return [x for each in node.values() for x in (each if isinstance(each, list) else [each])]


def experiment_name(overridden: list[str]) -> str | None:
    """Return the recipe of ``conf/experiment/`` that was chosen; ``None`` where none was."""
    chosen = given(overridden).get("experiment")
    return chosen if chosen != "null" else None


def schedule_name(settings: RunSettings, overridden: list[str]) -> str:
    """Return the preset's name where one was chosen and left as it is, else that of the rate's schedule."""
    values = given(overridden)
    if FROM_RUN in values:
        return f"from_run={values[FROM_RUN]}"
    if "schedule" in values and not values.keys() & {"schedule.lr", "schedule.lr.name"}:
        return values["schedule"]
    node = settings.schedule.get("lr", "none")
    return str(node["name"]) if isinstance(node, dict) else "none" if node == "none" else "constant"
