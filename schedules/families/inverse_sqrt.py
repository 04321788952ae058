"""The inverse square root of time: no planned end."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ..elementwise import Number, at_least, piecewise, sqrt
from ..fields import OneOrMoreSteps, Steps, Value, WarmupShape, check_shape_ends, settle
from ..registry import register
from ..shapes import first_value, warming, warmup_knots


@register("inverse_sqrt")
@dataclass(frozen=True, kw_only=True)
class InverseSqrt:
    """A warm-up, then one over the square root of time.

    With warm-up ``W``, timescale ``S`` and shape ``r``::

        v(t) = peak + (init - peak) * r(1 - t / W)             0 <= t < W
             = max(end, peak * sqrt(S / (S + t - W)))          W <= t

    With ``S = W``, the default, the second line is ``peak * sqrt(W / t)``. The Transformer's own form,
    "Noam", ``d^-0.5 * min(t^-0.5, t * w^-1.5)`` for width ``d``, is ``warmup_steps=w``, ``init_value=0``,
    ``peak_value=(d * w)^-0.5``; its first update is ``t = 1``: ``shift=1``.

    Best for: Transformers whose end is not planned.

    Attributes:
        peak_value: value at step ``W``.
        warmup_steps: ``W`` [steps, >= 0]; 0 starts at the peak.
        timescale: ``S`` [steps, >= 1]; 3 S after the warm-up half is left. ``None`` is ``warmup_steps``.
        init_value: value at step 0 when ``W > 0``; ``None`` is peak / (W + 1), so the first update moves.
        end_value: the floor.
        warmup_shape: ``r``, a name in ``SHAPES``, run backwards, or ``logarithmic``.

    Raises:
        ValueError: a field is out of bounds, or there is neither a timescale nor a warm-up.

    Source:
        Vaswani et al. 2017, arXiv:1706.03762; ``transformers.get_inverse_sqrt_schedule``.

    >>> s = InverseSqrt(peak_value=1.0, warmup_steps=100, init_value=0.0)
    >>> [s(t) for t in (0, 50, 100, 400, 10_000)]
    [0.0, 0.5, 1.0, 0.5, 0.1]
    """

    peak_value: Value
    warmup_steps: Steps = 0
    timescale: OneOrMoreSteps | None = None
    init_value: Value | None = None
    end_value: Value = 0.0
    warmup_shape: WarmupShape = "linear"

    def __post_init__(self) -> None:
        settle(self)
        if self.timescale is None and self.warmup_steps == 0:
            raise ValueError("timescale must be given where warmup_steps is 0, got None")
        if self.end_value > self.peak_value:
            raise ValueError(f"end_value must be <= peak_value, got {self.end_value} > {self.peak_value}")
        if self.warmup_steps:
            check_shape_ends(self.warmup_shape, init_value=self._init, peak_value=self.peak_value)

    @property
    def _init(self) -> float:
        return first_value(self.peak_value, self.warmup_steps, self.init_value)

    @property
    def _timescale(self) -> int:
        return self.timescale or self.warmup_steps

    def __call__(self, step: Number) -> Number:
        return piecewise(step, (self.warmup_steps,), (self._warm_up, self._decay))

    def _warm_up(self, step: Number) -> Number:
        return warming(self._init, self.peak_value, step, self.warmup_steps, self.warmup_shape)

    def _decay(self, step: Number) -> Number:
        scale = self._timescale
        return at_least(self.peak_value * sqrt(scale / (scale + (step - self.warmup_steps))), self.end_value)

    def knots(self, stop: int) -> tuple[int, ...]:
        if self.end_value == 0.0:
            return warmup_knots(self.warmup_steps, self.warmup_shape)
        floor = self._timescale * ((self.peak_value / self.end_value) ** 2 - 1.0)
        return (*warmup_knots(self.warmup_steps, self.warmup_shape), self.warmup_steps + math.ceil(floor))
