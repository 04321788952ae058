"""Evaluations and final figures of a finished run, read from its journals: one piece or resumed alike."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

import schedules

from ..record import keys
from ..record.directory import RunDirectory
from ..record.journal import read
from ..training.evaluation import Evaluation
from ..training.recorder import READ_EVERY

TOLERANCE = 1e-12


@dataclass(frozen=True)
class Result:
    """Evaluations and final figures of a finished run.

    Attributes:
        evaluations: in order of their steps.
        loss: mean training loss of the last ``READ_EVERY`` steps at most.
        seconds: time in the loop of this process.
        diverges_from_plan_at: the first step with another value than the plan's, and of what; ``None``:
            there was none.
    """

    evaluations: list[Evaluation]
    loss: float
    seconds: float
    diverges_from_plan_at: tuple[int, str] | None

    @property
    def final(self) -> Evaluation:
        """The evaluation of the last step."""
        return self.evaluations[-1]

    @property
    def best(self) -> Evaluation:
        """The evaluation of highest accuracy where there is one, and among equals of lowest loss."""
        return min(self.evaluations, key=lambda e: (-e.metrics.get("accuracy", 0.0), e.loss))

    def figures(self) -> dict[str, float]:
        """Return the figures that MLflow's tables sort by: they show a metric's last value only."""
        trained = {keys.FINAL_LOSS: self.loss, "seconds": self.seconds}
        if not self.evaluations:
            return trained
        return {
            keys.FINAL_VAL_LOSS: self.final.loss,
            keys.BEST_VAL_LOSS: min(e.loss for e in self.evaluations),
            **{f"final/val_{name}": value for name, value in self.final.metrics.items()},
            **{f"best/val_{name}": value for name, value in self.best.metrics.items()},
            **trained,
        }


def result(directory: RunDirectory, plan: Mapping[str, Any], seconds: float) -> Result:
    """Return what a finished run's journals say."""
    rows = read(directory.steps)
    loss = float(rows["loss"][-READ_EVERY:].mean())
    return Result(_evaluations(directory), loss, seconds, diverges_from_plan_at(rows, plan))


def _evaluations(directory: RunDirectory) -> list[Evaluation]:
    if not directory.evaluations.exists():
        return []
    judged = read(directory.evaluations)
    metrics = [name.removeprefix("val/") for name in (judged.dtype.names or ())[3:]]
    return [
        Evaluation(int(row["step"]), float(row[keys.VAL_LOSS]), {m: float(row[f"val/{m}"]) for m in metrics})
        for row in judged
    ]


def diverges_from_plan_at(rows: NDArray[np.void], plan: Any) -> tuple[int, str] | None:
    """Return the first step where the optimizer had another value than the plan's closed form, and which."""
    first: tuple[int, str] | None = None
    for name, schedule in plan.items():
        expected = schedules.values(schedule, int(rows["step"][-1]) + 1)[rows["step"]]
        wrong = np.abs(rows[name] - expected) > TOLERANCE * np.maximum(1.0, np.abs(expected))
        if wrong.any() and (first is None or rows["step"][wrong][0] < first[0]):
            first = (int(rows["step"][wrong][0]), name)
    return first
