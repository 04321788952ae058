"""A short rise and a long fall, for fine-tuning."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from ..elementwise import Number, piecewise, progress
from ..fields import OneOrMoreSteps, Rule, Steps, Value, check_at_most, percent, settle
from ..registry import register
from ..shapes import between


@register("slanted_triangular")
@dataclass(frozen=True, kw_only=True)
class SlantedTriangular:
    """From ``peak / ratio`` straight up to the peak, and straight back.

    With rise ``W`` and total ``T``::

        v(t) = peak * (1 + p * (ratio - 1)) / ratio
        p = t / W                     0 <= t < W
          = 1 - (t - W) / (T - W)     W <= t < T
          = 0                         T <= t

    Best for: fine-tuning a pretrained language model (ULMFiT).

    Attributes:
        total_steps: ``T`` [steps, >= 1].
        peak_value: value at step ``W``.
        warmup_steps: ``W`` [steps, >= 0].
        ratio: how much higher the peak is than both ends [>= 1].

    Raises:
        ValueError: a field is out of bounds, or ``W`` exceeds ``T``.

    Source:
        Howard & Ruder 2018, arXiv:1801.06146 (W = 10 % of T, ratio 32).

    >>> s = SlantedTriangular(total_steps=100, peak_value=0.01)
    >>> [round(s(t), 7) for t in (0, 5, 10, 50, 100)]
    [0.0003125, 0.0051563, 0.01, 0.0056944, 0.0003125]
    """

    total_steps: OneOrMoreSteps
    peak_value: Value
    warmup_steps: Steps = percent(10)
    ratio: Annotated[float, Rule("number", low=1.0)] = 32.0

    def __post_init__(self) -> None:
        settle(self)
        check_at_most(self, ("warmup_steps",), "total_steps")

    def __call__(self, step: Number) -> Number:
        return piecewise(step, (self.warmup_steps,), (self._up, self._down))

    def _up(self, step: Number) -> Number:
        u = progress(step, self.warmup_steps)
        return between(self.peak_value / self.ratio, self.peak_value, u, "linear")

    def _down(self, step: Number) -> Number:
        u = progress(step - self.warmup_steps, self.total_steps - self.warmup_steps)
        return between(self.peak_value, self.peak_value / self.ratio, u, "linear")

    def knots(self, stop: int) -> tuple[int, ...]:
        return (self.warmup_steps, self.total_steps)
