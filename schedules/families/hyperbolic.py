"""A branch of a hyperbola: the same first steps for every length of run."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ..elementwise import Number, progress, sqrt
from ..fields import OneOrMoreSteps, Value, percent, settle
from ..registry import register


@register("hyperbolic")
@dataclass(frozen=True, kw_only=True)
class Hyperbolic:
    """Down a hyperbola whose asymptote does not depend on the run's length.

    With total ``T`` and upper bound ``U`` on every length to be compared::

        v(t) = peak + (peak - infimum) * (h(t) - h(0))    0 <= t < T
             = peak - (peak - infimum) * h(0)             T <= t
        h(t) = sqrt((T - t) / U * (2 - (T + t) / U))

    It finishes at the infimum itself where ``U = T``, above it otherwise.

    Best for: tuning on short runs and training on long ones.

    Attributes:
        total_steps: ``T`` [steps, >= 1].
        peak_value: value at step 0.
        upper_steps: ``U`` [steps, >= T].
        infimum_value: value approached as ``T`` goes to ``U``.

    Raises:
        ValueError: a field is out of bounds, or ``U`` is below ``T``.

    Source:
        Kim 2024, arXiv:2407.15200 (HyperbolicLR).

    >>> s = Hyperbolic(total_steps=100, upper_steps=250, peak_value=0.01, infimum_value=0.0001)
    >>> [round(s(t), 8) for t in (0, 50, 100, 200)]
    [0.01, 0.00731859, 0.00208, 0.00208]
    """

    total_steps: OneOrMoreSteps
    peak_value: Value
    upper_steps: OneOrMoreSteps
    infimum_value: Value = percent(1)

    def __post_init__(self) -> None:
        settle(self)
        if self.upper_steps < self.total_steps:
            raise ValueError(
                f"upper_steps must be >= total_steps, got {self.upper_steps} < {self.total_steps}"
            )

    def __call__(self, step: Number) -> Number:
        length, upper = self.total_steps, self.upper_steps
        held = progress(step, length) * length
        first = math.sqrt(length / upper * (2.0 - length / upper))
        height = sqrt((length - held) / upper * (2.0 - (length + held) / upper))
        return self.peak_value + (self.peak_value - self.infimum_value) * (height - first)

    def knots(self, stop: int) -> tuple[int, ...]:
        return (self.total_steps,)
