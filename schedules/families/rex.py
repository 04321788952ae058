"""A reflected exponential: stays high for longer than a straight line, whatever the budget."""

from __future__ import annotations

from dataclasses import dataclass

from ..elementwise import Number, progress
from ..fields import OneOrMoreSteps, Value, settle
from ..registry import register
from ..shapes import between


@register("rex")
@dataclass(frozen=True, kw_only=True)
class Rex:
    """The decay that does well at every budget::

        v(t) = end + (peak - end) * (1 - u) / (1/2 + (1 - u) / 2),    u = t / T

    The same curve is the shape ``rex`` of other schedules' phases.

    Best for: short budgets in vision and fine-tuning.

    Attributes:
        total_steps: ``T``, where it ends [steps, >= 1].
        peak_value: value at step 0.
        end_value: value from step ``T`` on.

    Raises:
        ValueError: a field is out of bounds.

    Source:
        Chen et al. 2021, arXiv:2107.04197.

    >>> [round(Rex(total_steps=10, peak_value=1.0)(t), 6) for t in (0, 5, 9, 10, 20)]
    [1.0, 0.666667, 0.181818, 0.0, 0.0]
    """

    total_steps: OneOrMoreSteps
    peak_value: Value
    end_value: Value = 0.0

    def __post_init__(self) -> None:
        settle(self)

    def __call__(self, step: Number) -> Number:
        return between(self.peak_value, self.end_value, progress(step, self.total_steps), "rex")

    def knots(self, stop: int) -> tuple[int, ...]:
        return (self.total_steps,)
