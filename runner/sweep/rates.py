"""A grid of peak rates that grows outward while its best value lies on its edge."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from typing import TypeVar

Key = TypeVar("Key", float, tuple[float, str])


def best_of(losses: Mapping[Key, Mapping[int, float]]) -> Key:
    """Return the rate of the lowest mean loss, of equal ones the lowest rate.

    Where seeds are missing (a trial was pruned, a job failed), means of different seeds would be compared. So
    the rates with the most seeds are compared, and one with fewer, but more than half as many,
    then against the best of them on the seeds that both have.

    Args:
        losses: of each rate, or rate and trial of a search, the final loss of each of its seeds.

    >>> best_of({0.1: {0: 0.5, 1: 0.9}, 0.3: {0: 0.6}})
    0.1
    """
    most = max(len(each) for each in losses.values())
    best = min((_mean(each.values()), rate) for rate, each in losses.items() if len(each) == most)[1]
    for rate, each in sorted(losses.items()):
        common = each.keys() & losses[best].keys()
        if most > len(each) > most / 2 and common:
            mine, its = (_mean([of[seed] for seed in common]) for of in (each, losses[best]))
            best = rate if mine < its else best
    return best


def _mean(values: Collection[float]) -> float:
    return sum(values) / len(values) if values else math.inf


class Rates:
    """The rates tried for one competitor, with their losses.

    Args:
        rates: at the beginning. Their mean ratio is that of the rates that are added.
    """

    def __init__(self, rates: list[float]) -> None:
        ordered = sorted(rates)
        self._ratio = (ordered[-1] / ordered[0]) ** (1 / (len(ordered) - 1)) if len(ordered) > 1 else 1.0
        self._losses: dict[float, dict[int, float]] = {}

    def note(self, rate: float, losses: list[float]) -> None:
        """Note the loss of each seed at a rate; a failed job tells nothing, a diverged one is infinite."""
        self._losses[rate] = {place: loss for place, loss in enumerate(losses) if not math.isnan(loss)}

    @property
    def best(self) -> float:
        """The rate of the lowest mean loss; the lowest rate where none is finite."""
        return best_of(self._losses)

    def outward(self) -> float | None:
        """Return the next rate beyond the best, where that is the first or last; else ``None``."""
        tried = sorted(rate for rate, losses in self._losses.items() if losses)
        if len(tried) < 2:
            return None
        if self.best == tried[-1]:
            return float(f"{tried[-1] * self._ratio:.6g}")
        return float(f"{tried[0] / self._ratio:.6g}") if self.best == tried[0] else None
