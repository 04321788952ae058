"""Schedules that are a function of the number of intervals done, as those of ``LambdaLR`` are."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..elementwise import Number
from ..fields import Offset, PositiveRatio, Ratio, settle
from ..registry import register_combinator


@register_combinator("per_interval")
@dataclass(frozen=True, kw_only=True)
class PerInterval:
    """A function of the number of intervals done: ``v(t) = scale * function(first + floor(t / every))``.

    Attributes:
        function: takes an ``int``, as the functions given to ``LambdaLR`` do.
        scale: factor on its value.
        every: length of an interval [steps, > 0, whole or not].
        first: number of the first interval [>= 0].

    >>> PerInterval(function=[3.0, 2.0, 1.0].__getitem__, scale=0.1)(1.5)
    0.2
    """

    function: Callable[[int], float]
    scale: Ratio = 1.0
    every: PositiveRatio = 1.0
    first: Offset = 0

    def __post_init__(self) -> None:
        settle(self)

    def __call__(self, step: Number) -> Number:
        if isinstance(step, np.ndarray):
            return np.array([self._at(t) for t in step.ravel().tolist()], dtype=float).reshape(step.shape)
        return self._at(step)

    def _at(self, step: float) -> float:
        return self.scale * float(self.function(int(self.first + max(step, 0.0) // self.every)))

    @property
    def is_known(self) -> bool:
        """Whether the function is known to go on for ever, and is not one of the user's own."""
        return isinstance(self.function, Geometric)


@dataclass(frozen=True)
class Geometric:
    """The function ``n -> base ^ floor(n / every)`` as a value: compares equal, pickles, prints as code.

    What leaves the floats is infinite, as in every formula of a registered schedule.
    """

    base: float
    every: float = 1.0

    def __call__(self, n: int) -> float:
        try:
            return float(self.base ** (n // self.every))
        except OverflowError:
            return math.inf
