"""Decays that never end: by a factor each step, or by the inverse of time."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ..elementwise import Number, at_least, exp
from ..fields import OneOrMoreSteps, PositiveRatio, Ratio, Value, settle
from ..registry import register


@register("exponential")
@dataclass(frozen=True, kw_only=True)
class Exponential:
    """The same factor at each step, down to a floor; by ``gamma``, or continuously by ``rate``::

        v(t) = max(end, peak * gamma ^ (t / step_size))
        v(t) = max(end, peak * e ^ (-rate * t / step_size))

    Best for: simple tasks, long runs without a planned end.

    Attributes:
        peak_value: value at step 0.
        gamma: factor for each ``step_size`` steps [> 0]; give this or ``rate``.
        rate: continuous rate for each ``step_size`` steps [>= 0]; ``gamma = e^-rate``.
        step_size: steps that ``gamma`` or ``rate`` speaks of [steps, >= 1], as ``"1ep"``.
        end_value: the floor.

    Raises:
        ValueError: a field is out of bounds, or not exactly one of ``gamma`` and ``rate`` is given.

    Source:
        ``torch.optim.lr_scheduler.ExponentialLR``; ``optax.exponential_decay``.

    >>> Exponential(peak_value=1.0, gamma=0.5)(3), Exponential(peak_value=1.0, rate=0.0)(3)
    (0.125, 1.0)
    """

    peak_value: Value
    gamma: PositiveRatio | None = None
    rate: Ratio | None = None
    step_size: OneOrMoreSteps = 1
    end_value: Value = 0.0

    def __post_init__(self) -> None:
        settle(self)
        if (self.gamma is None) == (self.rate is None):
            raise ValueError(
                f"exactly one of gamma and rate must be given, got gamma={self.gamma}, rate={self.rate}"
            )

    def __call__(self, step: Number) -> Number:
        periods = at_least(step, 0.0) / self.step_size
        if self.gamma is not None:
            return at_least(self.peak_value * self.gamma**periods, self.end_value)
        assert self.rate is not None
        return at_least(self.peak_value * exp(-self.rate * periods), self.end_value)

    def knots(self, stop: int) -> tuple[int, ...]:
        rate = self.rate if self.gamma is None else -math.log(self.gamma)
        if not rate or rate < 0 or not 0 < self.end_value < self.peak_value:
            return ()
        return (math.ceil(math.log(self.peak_value / self.end_value) / rate * self.step_size),)


@register("inverse_time")
@dataclass(frozen=True, kw_only=True)
class InverseTime:
    """The inverse of time, the 1/t of the convergence theorem for strongly convex functions::

        v(t) = max(end, peak / (1 + rate * t / step_size))

    Best for: strongly convex problems, where it gives E|x_T - x*|^2 = O(1/T).

    Attributes:
        peak_value: value at step 0.
        rate: how fast it falls [>= 0]; after ``step_size / rate`` steps half is left.
        step_size: steps that ``rate`` speaks of [steps, >= 1].
        end_value: the floor.

    Raises:
        ValueError: a field is out of bounds.

    Source:
        Robbins & Monro 1951; ``keras`` ``InverseTimeDecay``.

    >>> [InverseTime(peak_value=1.0, rate=1.0)(t) for t in (0, 1, 3)]
    [1.0, 0.5, 0.25]
    """

    peak_value: Value
    rate: Ratio = 1.0
    step_size: OneOrMoreSteps = 1
    end_value: Value = 0.0

    def __post_init__(self) -> None:
        settle(self)

    def __call__(self, step: Number) -> Number:
        decayed = self.peak_value / (1.0 + self.rate * (at_least(step, 0.0) / self.step_size))
        return at_least(decayed, self.end_value)

    def knots(self, stop: int) -> tuple[int, ...]:
        if not self.rate or not 0 < self.end_value < self.peak_value:
            return ()
        return (math.ceil((self.peak_value / self.end_value - 1.0) / self.rate * self.step_size),)
