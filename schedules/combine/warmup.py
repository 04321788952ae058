"""Warm-ups without a length to tune: what Adam's second moment itself asks for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated

from ..elementwise import Number, at_least, at_most, exp, sqrt
from ..fields import Rule, settle
from ..registry import register_combinator
from ..schedule import Schedule, evaluate, knots

Beta = Annotated[float, Rule("number", low=0.0, high=1.0, below=True)]
"""The decay rate of a running average [>= 0, < 1]."""
UntunedShape = Annotated[str, Rule("choice", choices=("linear", "exponential", "radam"))]
"""How an untuned warm-up rises."""


@register_combinator("untuned_warmup")
@dataclass(frozen=True, kw_only=True)
class UntunedWarmup:
    """A schedule times the warm-up factor that ``beta2`` implies.

    With ``n = t + 1``, the update about to be done::

        v(t) = schedule(t) * w(n)

        linear       w(n) = min(1, n / N),  N = round(2 / (1 - beta2))
        exponential  w(n) = 1 - exp(-(1 - beta2) n)
        radam        w(n) = sqrt((r - 4) (r - 2) r_inf / ((r_inf - 4) (r_inf - 2) r))
                     r = r_inf - 2 n beta2^n / (1 - beta2^n),  r_inf = 2 / (1 - beta2) - 1

    The factor of ``radam`` exists where ``r > 4``, so it counts ``n`` from the first such update on.

    Attributes:
        schedule: the schedule to warm up; its clock runs from the first update.
        beta2: Adam's decay rate of the second moment [>= 0, < 1]; > 0.6 for ``radam``.
        warmup_shape: ``linear``, ``exponential`` or ``radam``.

    Raises:
        ValueError: a field is out of bounds.

    Source:
        Ma & Yarats 2019, arXiv:1910.04209; RAdam: Liu et al. 2019, arXiv:1908.03265.

    >>> s = UntunedWarmup(schedule=lambda step: 1.0, beta2=0.999)
    >>> s(0), s(999), s(1999), s(5000)
    (0.0005, 0.5, 1.0, 1.0)
    """

    schedule: Schedule
    beta2: Beta
    warmup_shape: UntunedShape = "linear"

    def __post_init__(self) -> None:
        settle(self)
        if self.warmup_shape == "radam" and self.beta2 <= 0.6:
            raise ValueError(f"beta2 must be > 0.6 with the shape 'radam', got {self.beta2!r}")

    def __call__(self, step: Number) -> Number:
        return evaluate(self.schedule, step) * self._factor(at_least(step, 0.0))

    def _factor(self, step: Number) -> Number:
        if self.warmup_shape == "linear":
            return at_most((step + 1.0) / self._linear_steps, 1.0)
        if self.warmup_shape == "exponential":
            return 1.0 - exp((self.beta2 - 1.0) * (step + 1.0))
        top, rho = self._rho_limit, self._rho(step + self._first)
        return sqrt((rho - 4.0) * (rho - 2.0) * top / ((top - 4.0) * (top - 2.0) * rho))

    @property
    def _linear_steps(self) -> int:
        return round(2.0 / (1.0 - self.beta2))

    @property
    def _rho_limit(self) -> float:
        return 2.0 / (1.0 - self.beta2) - 1.0

    def _rho(self, count: Number) -> Number:
        """The length of the simple average that the second moment amounts to after ``count`` updates."""
        left = self.beta2**count
        return self._rho_limit - 2.0 * count * left / (1.0 - left)

    @cached_property
    def _first(self) -> int:
        count = 1
        while self._rho(count) <= 4.0:
            count += 1
        return count

    def knots(self, stop: int, start: int = 0) -> Iterable[int]:
        ends = (self._linear_steps - 1,) if self.warmup_shape == "linear" else ()
        return (*ends, *knots(self.schedule, stop, start))
