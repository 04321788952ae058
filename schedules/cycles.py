"""Where cycles that grow begin: whole numbers, added up exactly."""

from __future__ import annotations

import math
from bisect import bisect_right
from fractions import Fraction
from typing import Any

import numpy as np


class Starts:
    """The first steps of cycles whose lengths are ``floor(first * mult ^ i)``; found as far as was asked.

    Args:
        first: length of the first cycle [steps, >= 1].
        mult: factor of each cycle's length [>= 1].
        cycles: how many there are; ``None`` goes on for ever.
    """

    def __init__(self, first: int, mult: float, cycles: int | None) -> None:
        self._first, self._mult, self._cycles = first, Fraction(str(mult)), cycles
        self._found = [0]

    def past(self, step: float) -> list[int]:
        """Return the starts up to the first one after ``step``, or to the end of the last cycle."""
        starts = self._found
        while starts[-1] <= step and (self._cycles is None or len(starts) <= self._cycles):
            starts.append(starts[-1] + int(self._first * self._mult ** (len(starts) - 1)))
        return starts

    def end(self) -> int | None:
        """Return where the last cycle ends; ``None`` where there is no last one."""
        return None if self._cycles is None else self.past(math.inf)[-1]

    def cycle(self, step: Any) -> tuple[Any, Any, Any]:
        """Return the number, first step and length of the cycle that ``step``, or each of an array, is in."""
        if isinstance(step, np.ndarray):
            edges = np.asarray(self.past(float(np.max(step, initial=0.0))), dtype=float)
            number = np.minimum(np.searchsorted(edges, step, side="right"), len(edges) - 1) - 1
            return number.astype(float), edges[number], edges[number + 1] - edges[number]
        starts = self.past(step)
        index = min(bisect_right(starts, step), len(starts) - 1) - 1
        return index, starts[index], starts[index + 1] - starts[index]
