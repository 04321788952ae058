"""A piece of the hyperbolic tangent."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated

from ..elementwise import Number, at_least, at_most, progress, tanh
from ..fields import OneOrMoreSteps, Rule, Value, settle
from ..registry import register


@register("tanh")
@dataclass(frozen=True, kw_only=True)
class Tanh:
    """The hyperbolic tangent from ``lower`` to ``upper``, stretched to reach both values exactly::

        v(t) = end + (peak - end) * (h(u) - h(1)) / (h(0) - h(1)),    u = t / T
        h(u) = (1 - tanh(lower * (1 - u) + upper * u)) / 2

    The paper leaves out the stretching, and so starts and finishes a little between its two values,
    at ``h(0)`` and ``h(1)`` of the way: state those as ``peak_value`` and ``end_value`` to get its numbers.

    Best for: residual networks on images; flat for long, then down at once.

    Attributes:
        total_steps: ``T``, where it ends [steps, >= 1].
        peak_value: value at step 0.
        end_value: value from step ``T`` on.
        lower: where on the tangent it starts [<= 0]; the further below 0, the longer it stays high.
        upper: where on the tangent it finishes [>= 0].

    Raises:
        ValueError: a field is out of bounds, or ``lower`` and ``upper`` are both 0.

    Source:
        Hsueh et al. 2018, arXiv:1806.01593 (-6 to 3).

    >>> [round(Tanh(total_steps=4, peak_value=1.0)(t), 6) for t in (0, 2, 4, 9)]
    [1.0, 0.952462, 0.0, 0.0]
    """

    total_steps: OneOrMoreSteps
    peak_value: Value
    end_value: Value = 0.0
    lower: Annotated[float, Rule("number", high=0.0)] = -6.0
    upper: Annotated[float, Rule("number", low=0.0)] = 3.0

    def __post_init__(self) -> None:
        settle(self)
        if self.upper == self.lower:
            raise ValueError("upper must be > lower, got 0.0 for both")

    def __call__(self, step: Number) -> Number:
        u = progress(step, self.total_steps)
        first, last = math.tanh(self.lower), math.tanh(self.upper)
        done = (tanh(self.lower * (1.0 - u) + self.upper * u) - first) / (last - first)
        done = at_least(at_most(done, 1.0), 0.0)  # numpy's tanh and math's differ in the last bit
        return self.peak_value * (1.0 - done) + self.end_value * done

    def knots(self, stop: int) -> tuple[int, ...]:
        return (self.total_steps,)
