"""A run folder of our own, from its journals: also while it trains, and before MLflow has it."""

from __future__ import annotations

import numpy as np

from ..record import journal
from ..record.directory import RunDirectory
from .log import Log, Series


def read(directory: RunDirectory, name: str) -> Log:
    """Return what the journals of a run hold."""
    order = directory.order
    series: dict[str, Series] = {}
    for file in (directory.steps, directory.evaluations):
        if file.exists():
            rows = journal.read(file)
            names = [title for title in rows.dtype.names or () if title not in ("step", "time")]
            steps = rows["step"].astype(np.float64)
            series |= {title: Series(steps, rows[title].astype(np.float64)) for title in names}
    settings = {key: str(value) for key, value in order.params.items()}
    settings |= {"schedule": order.tags.get("schedule", "")} if "schedule" in order.tags else {}
    return Log(
        name,
        "run folder",
        series,
        order.total_steps or int(settings.get("total_steps", 0)),
        epochs_of(settings),
        order.plan.get("lr", {}),
        settings,
        running=directory.ending is None,
    )


def epochs_of(settings: dict[str, str]) -> float | None:
    """Return how many times a run of ours sees its data, by its settings."""
    try:
        return int(settings["total_steps"]) / int(settings["steps_per_epoch"])
    except (KeyError, ValueError, ZeroDivisionError):
        return None
