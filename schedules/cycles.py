"""Where cycles that grow or shrink begin: whole numbers, added up exactly."""

from __future__ import annotations

import math
from bisect import bisect_right
from fractions import Fraction
from typing import Any

import numpy as np


class Starts:
    """The first steps of cycles whose lengths are ``floor(first * mult ^ i)``; found as far as was asked.

    A cycle that would be shorter than one step has one: from there on each step is a cycle.

    Args:
        first: length of the first cycle [steps, >= 1].
        mult: factor of each cycle's length [> 0].
        cycles: how many there are; ``None`` goes on for ever.
    """

    def __init__(self, first: int, mult: float, cycles: int | None) -> None:
        self._first, self._mult, self._cycles = first, Fraction(str(mult)), cycles
        self._found = [0]
        self._long = None if mult >= 1.0 else self._count_long()

    def _count_long(self) -> int:
        """Return how many cycles that shrink are longer than one step."""
        count = 0
        while self._first * self._mult**count >= 2:
            count += 1
        return count

    def past(self, step: float) -> list[int]:
        """Return the starts up to the first one after ``step``, or to the end of the last cycle."""
        starts = self._found
        while starts[-1] <= step and (self._cycles is None or len(starts) <= self._cycles):
            starts.append(starts[-1] + max(1, int(self._first * self._mult ** (len(starts) - 1))))
        return starts

    def end(self) -> int | None:
        """Return where the last cycle ends; ``None`` where there is no last one."""
        return None if self._cycles is None else self.past(math.inf)[-1]

    def cycle(self, step: Any) -> tuple[Any, Any, Any]:
        """Return the number, first step and length of the cycle that ``step``, or each of an array, is in."""
        if self._long is not None and (self._cycles is None or self._long < self._cycles):
            return self._shrinking(step, self._long, self._after(self._long))
        return self._among_found(step)

    def _after(self, count: int) -> int:
        """Return where the cycle begins that ``count`` others come before."""
        while len(self._found) <= count:
            self.past(self._found[-1])
        return self._found[count]

    def _shrinking(self, step: Any, long: int, begin: int) -> tuple[Any, Any, Any]:
        """Return the cycle of a step where all cycles from ``begin`` on have one step: nothing is walked."""
        last = math.inf if self._cycles is None else self._cycles - 1
        if isinstance(step, np.ndarray):
            number, start, length = self._among_found(np.minimum(step, begin - 0.5) if long else step)
            units = np.minimum(long + np.floor(step - begin), last)
            short = step >= begin
            first = begin + units - long
            return np.where(short, units, number), np.where(short, first, start), np.where(short, 1.0, length)
        if step < begin:
            return self._among_found(step)
        number = min(long + (step - begin) // 1, last)
        return number, begin + number - long, 1

    def _among_found(self, step: Any) -> tuple[Any, Any, Any]:
        """Return the cycle of a step, looking from the first one on."""
        if isinstance(step, np.ndarray):
            edges = np.asarray(self.past(float(np.max(step, initial=0.0))), dtype=float)
            number = np.minimum(np.searchsorted(edges, step, side="right"), len(edges) - 1) - 1
            return number.astype(float), edges[number], edges[number + 1] - edges[number]
        starts = self.past(step)
        index = min(bisect_right(starts, step), len(starts) - 1) - 1
        return index, starts[index], starts[index + 1] - starts[index]
