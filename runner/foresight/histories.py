"""The runs that a prediction is made from: logs of any kind, run folders, and what MLflow holds."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from schedules.theory import Curve

from ..errors import ConfigError
from ..logs import columns
from ..logs import find as folders
from ..logs.log import Log

SAME = 0.05  # peaks that differ by less are one


@dataclass(frozen=True)
class Columns:
    """The names of a log's figures, where they are not obvious."""

    step: str | None = None
    rate: str | None = None
    loss: str | None = None


@dataclass(frozen=True, eq=False)
class History:
    """One run that was made, or several that differ in their seed alone.

    Attributes:
        curve: its rates and losses; the rates of a run of ours to its planned end.
        log: where they come from.
        seeds: how many runs are averaged.
    """

    curve: Curve
    log: Log
    seeds: int = 1

    @property
    def peak(self) -> float:
        """The peak rate."""
        return self.curve.peak

    @property
    def seen(self) -> int:
        """Updates finished at the last loss."""
        return int(self.curve.steps[-1])


def gather(sources: Sequence[str], named: Columns, uri: str | None, experiment: str | None) -> list[History]:
    """Return the runs that these places hold, those of one plan and several seeds averaged.

    Args:
        sources: files and folders, or ids and names of runs and sweeps in MLflow.
        named: the figures to take.
        uri: the MLflow store; by default the one in the working directory.
        experiment: where names are looked for.

    Raises:
        ConfigError: a place holds nothing, or a log lacks a rate or a loss.
    """
    logs: list[Log] = []
    for source in sources:
        path = Path(source)
        if not path.exists():
            from .stored import stored  # imports mlflow: not for logs of others

            logs += stored(source, uri, experiment)
            continue
        logs += folders.read(path, named.step)
    histories = []
    for log in logs:
        curve = columns.curve_of(log, named.rate, named.loss)
        if len(curve.steps):
            histories.append(History(curve, log))
    if not histories:
        raise ConfigError(f"FROM must hold a run with losses, got {', '.join(sources)}")
    return averaged(histories)


def averaged(histories: Iterable[History]) -> list[History]:
    """Return the runs with those of equal rates and evaluations averaged: they differ in their seed."""
    alike: dict[tuple[bytes, bytes], list[History]] = defaultdict(list)
    for history in histories:
        alike[history.curve.rates.tobytes(), history.curve.steps.tobytes()].append(history)
    found = []
    for group in alike.values():
        first = group[0]
        if len(group) > 1:
            losses = np.mean([each.curve.losses for each in group], axis=0)
            first = History(dataclasses.replace(first.curve, losses=losses), first.log, len(group))
        found.append(first)
    return found


def of_one_peak(histories: list[History], peak: float | None = None) -> tuple[list[History], list[History]]:
    """Return the runs of one peak rate, and the others: a law holds for one.

    Args:
        histories: all of them.
        peak: the peak rate; by default the one of most runs, and of these the one that ended lowest.

    Raises:
        ConfigError: no run has that peak.
    """
    if peak is None:

        def standing(history: History) -> tuple[int, float]:
            near = [each for each in histories if abs(each.peak / history.peak - 1) <= SAME]
            return -len(near), min(float(each.curve.losses[-1]) for each in near)

        peak = min(histories, key=standing).peak
    chosen = [each for each in histories if abs(each.peak / peak - 1) <= SAME]
    if not chosen:
        known = ", ".join(sorted({f"{each.peak:.4g}" for each in histories}))
        raise ConfigError(f"peak must be that of a run, got {peak:g}; there are {known}")
    return chosen, [each for each in histories if each not in chosen]
