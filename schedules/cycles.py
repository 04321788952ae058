"""Where cycles that grow or shrink begin: whole numbers, added up exactly."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterator
from fractions import Fraction
from itertools import count
from typing import Any

import numpy as np

from .units import LONGEST

_ROUNDING = 2.0**-52
"""What one multiplication of floats may be off by, as a part of the product."""


class Starts:
    """The first steps of cycles whose lengths are ``floor(first * mult ^ i)``; found as far as was asked.

    A cycle that would be shorter than one step has one: from there on each step is a cycle, and nothing more
    has to be found.

    Args:
        first: length of the first cycle [steps, >= 1].
        mult: factor of each cycle's length [> 0].
        cycles: how many there are; ``None`` goes on for ever.
    """

    def __init__(self, first: int, mult: float, cycles: int | None) -> None:
        self._first, self._mult, self._cycles = first, mult, math.inf if cycles is None else cycles
        self._exact = Fraction(str(mult))
        self._found = [0]
        self._equal = first if mult == 1.0 else 0  # length of all cycles after those found, once it is known

    def _length(self, cycle: int) -> int:
        """Return a cycle's length; by whole numbers only where floats leave it open."""
        try:
            rough, off = self._first * self._mult**cycle, (cycle + 4) * _ROUNDING
            low, high = math.floor(rough * (1.0 - off)), math.floor(rough * (1.0 + off))
        except OverflowError:
            low, high = 0, 1
        return max(1, low if low == high else int(self._first * self._exact**cycle))

    def past(self, step: float) -> list[int]:
        """Return the starts up to the first one after ``step``, the last end, or where all are alike."""
        starts = self._found
        while not self._equal and starts[-1] <= step and len(starts) <= self._cycles:
            length = self._length(len(starts) - 1)
            if length == 1 and self._mult < 1.0:
                self._equal = 1
            else:
                starts.append(starts[-1] + length)
        return starts

    def end(self) -> int | None:
        """Return where the last cycle ends; ``None`` where there is no last one."""
        if self._cycles == math.inf:
            return None
        starts = self.past(LONGEST)  # no run goes further
        return starts[-1] + self._equal * (int(self._cycles) - (len(starts) - 1))

    def spans(self, start: int, stop: int) -> Iterator[tuple[int, int]]:
        """Yield the first step and the length of each cycle between ``start`` and ``stop``."""
        starts = self.past(stop)
        for number in range(max(0, bisect_right(starts, start) - 1), len(starts) - 1):
            if starts[number] <= stop:
                yield starts[number], starts[number + 1] - starts[number]
        if self._equal:
            done, begin = len(starts) - 1, starts[-1]
            for more in count(max(0, (start - begin) // self._equal)):
                at = begin + more * self._equal
                if at > stop or done + more >= self._cycles:
                    return
                yield at, self._equal

    def cycle(self, step: Any) -> tuple[Any, Any, Any]:
        """Return the number, first step and length of the cycle that ``step``, or each of an array, is in."""
        if isinstance(step, np.ndarray):
            return self._cycle_of_each(step)
        starts = self.past(step)
        if self._equal and step >= starts[-1]:
            number = min(len(starts) - 1 + (step - starts[-1]) // self._equal, self._cycles - 1)
            return number, starts[-1] + (number - len(starts) + 1) * self._equal, self._equal
        index = min(bisect_right(starts, step), len(starts) - 1) - 1
        return index, starts[index], starts[index + 1] - starts[index]

    def _cycle_of_each(self, steps: Any) -> tuple[Any, Any, Any]:
        edges = np.asarray(self.past(float(np.max(steps, initial=0.0))), dtype=float)
        if not self._equal:
            number = np.minimum(np.searchsorted(edges, steps, side="right"), len(edges) - 1) - 1
            return number.astype(float), edges[number], edges[number + 1] - edges[number]
        done = len(edges) - 1
        number = np.searchsorted(edges, steps, side="right") - 1
        later = done + np.floor((steps - edges[-1]) / self._equal)
        number = np.where(number < done, number, np.minimum(later, self._cycles - 1))
        found = np.minimum(number, done).astype(int)
        start = edges[found] + (number - found) * self._equal
        return number, start, np.append(np.diff(edges), self._equal)[found]
