"""The one-cycle policy: up, back, and away; the momentum goes the other way round."""

from __future__ import annotations

from dataclasses import dataclass

from ..elementwise import Number, piecewise, progress
from ..fields import (
    OneOrMoreSteps,
    ShapeName,
    Steps,
    Value,
    WarmupShape,
    check_at_most,
    check_shape_ends,
    percent,
    settle,
)
from ..registry import register
from ..shapes import between, warming, warmup_knots


@register("onecycle")
@dataclass(frozen=True, kw_only=True)
class OneCycle:
    """Up to the peak, back to the low value, then away to the end.

    With first phase ``T1``, last phase ``D``, total ``T``, ``T2 = T - D`` and shapes ``r`` and ``s``::

        v(t) = peak + (low - peak) * r(1 - t / T1)               0  <= t < T1
             = low + (peak - low) * s((t - T1) / (T2 - T1))      T1 <= t < T2
             = end + (low - end) * s((t - T2) / D)               T2 <= t < T
             = end                                               T  <= t

    With ``decay_steps = 0`` there are two phases, and the second goes from the peak to the end itself.
    For a momentum take ``init_value`` above ``peak_value``: it mirrors the rate and then stays high.

    Best for: fast training, transfer learning.

    Attributes:
        total_steps: ``T`` [steps, >= 1].
        peak_value: value at step ``T1``: the highest rate, or the lowest momentum.
        init_value: ``low``, value at step 0, and at ``T2``.
        warmup_steps: ``T1`` [steps, >= 0].
        decay_steps: ``D``, the last phase only [steps, >= 0]; 0 makes two phases.
        end_value: value from step ``T`` on. ``None`` is a tenth of ``init_value`` for a rate (init below
            peak), as the policy's text says, and ``init_value`` for a momentum; 0 is the policy's formula.
        warmup_shape: ``r``, a name in ``SHAPES``, run backwards, or ``logarithmic``.
        decay_shape: ``s``, a name in ``SHAPES``.

    Raises:
        ValueError: a field is out of bounds, the phases exceed ``T``, or a shape needs values > 0.

    Source:
        Smith & Topin 2017, arXiv:1708.07120; Smith 2018, arXiv:1803.09820 (45 %, 45 %, 10 %).

    >>> s = OneCycle(total_steps=100, peak_value=1.0, init_value=0.1)
    >>> [round(s(t), 4) for t in (0, 22.5, 45, 67.5, 90, 95, 100)]
    [0.1, 0.55, 1.0, 0.55, 0.1, 0.055, 0.01]
    """

    total_steps: OneOrMoreSteps
    peak_value: Value
    init_value: Value = percent(10)
    warmup_steps: Steps = percent(45)
    decay_steps: Steps = percent(10)
    end_value: Value | None = None
    warmup_shape: WarmupShape = "linear"
    decay_shape: ShapeName = "linear"

    def __post_init__(self) -> None:
        settle(self)
        check_at_most(self, ("warmup_steps", "decay_steps"), "total_steps")
        check_shape_ends(self.warmup_shape, init_value=self.init_value, peak_value=self.peak_value)
        check_shape_ends(self.decay_shape, init_value=self.init_value, peak_value=self.peak_value)
        check_shape_ends(self.decay_shape, end_value=self._end)

    @property
    def _end(self) -> float:
        if self.end_value is not None:
            return self.end_value
        return self.init_value / 10.0 if self.init_value < self.peak_value else self.init_value

    def __call__(self, step: Number) -> Number:
        turn = self.total_steps - self.decay_steps
        return piecewise(step, (self.warmup_steps, turn), (self._up, self._back, self._away))

    def _up(self, step: Number) -> Number:
        return warming(self.init_value, self.peak_value, step, self.warmup_steps, self.warmup_shape)

    def _back(self, step: Number) -> Number:
        length = self.total_steps - self.decay_steps - self.warmup_steps
        low = self.init_value if self.decay_steps else self._end
        u = progress(step - self.warmup_steps, length)
        return between(self.peak_value, low, u, self.decay_shape)

    def _away(self, step: Number) -> Number:
        u = progress(step - (self.total_steps - self.decay_steps), self.decay_steps)
        return between(self.init_value, self._end, u, self.decay_shape)

    def knots(self, stop: int) -> tuple[int, ...]:
        return (
            *warmup_knots(self.warmup_steps, self.warmup_shape),
            self.total_steps - self.decay_steps,
            self.total_steps,
        )
