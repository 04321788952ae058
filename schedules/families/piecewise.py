"""A curve through stated points."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, ClassVar

import numpy as np

from ..elementwise import Number, at_least, piecewise, progress
from ..fields import PositiveValue, ShapeName, Steps, Value, check_shape_ends, settle
from ..points import ending_at, planned_end
from ..registry import register
from ..shapes import between


@register("piecewise")
@dataclass(frozen=True, kw_only=True)
class Piecewise:
    """Through the points (step, value), from each to the next by a shape::

        v(t) = v_i + (v_{i-1} - v_i) * s_i((t - t_{i-1}) / (t_i - t_{i-1}))    t_{i-1} <= t < t_i

    The first value holds before the first point, the last one after the last point. Two points at one
    step make a jump; the shape ``constant`` holds the value and drops at the next point.

    Best for: recipes that state dates: warm up to 2000, hold to 80 %, a tenth from there.

    The points have their dates on the run's clock: a warm-up in front moves none of them.

    Attributes:
        steps: the points' steps [steps, >= 0, not falling].
        values: the points' values, as many as steps.
        between: names in ``SHAPES``: one for each pair of neighbours, or one for all.
        peak_value: what a value such as ``"10%"`` is a part of; not needed otherwise.

    Raises:
        ValueError: a field is out of bounds, the steps fall, the counts differ, or a shape needs values > 0.

    Source:
        ``optax.piecewise_interpolate_schedule``; ``numpy.interp``.

    >>> s = Piecewise(steps=(0, 4, 8), values=(0.0, 1.0, 0.5), between=("linear", "constant"))
    >>> [s(t) for t in (0, 1, 4, 7, 8, 100)]
    [0.0, 0.25, 1.0, 1.0, 0.5, 0.5]
    """

    steps: tuple[Steps, ...]
    values: tuple[Value, ...]
    between: tuple[ShapeName, ...] = ("linear",)
    peak_value: PositiveValue | None = None

    on_run_clock: ClassVar[bool] = True

    def __post_init__(self) -> None:
        settle(self)
        count = len(self.steps)
        if count < 1 or len(self.values) != count:
            raise ValueError(
                f"values must be as many as steps, and one or more, got {len(self.values)} for {count}"
            )
        if list(self.steps) != sorted(self.steps):
            raise ValueError(f"steps must not fall, got {self.steps}")
        if len(self.between) not in (1, count - 1):
            raise ValueError(f"between must hold 1 or {count - 1} shapes, got {len(self.between)}")
        for i in range(1, count):
            check_shape_ends(self._shape(i), values=min(self.values[i - 1 : i + 1]))

    def _shape(self, i: int) -> str:
        """Return the shape that leads to point ``i``."""
        return self.between[0] if len(self.between) == 1 else self.between[i - 1]

    def __call__(self, step: Number) -> Number:
        step = at_least(step, 0.0)
        if isinstance(step, np.ndarray):
            return piecewise(
                step, self.steps, [partial(self._segment, i) for i in range(len(self.steps) + 1)]
            )
        return self._segment(bisect_right(self.steps, step), step)

    def _segment(self, i: int, step: Any) -> Any:
        """Return the value between points ``i - 1`` and ``i``."""
        if i == 0 or i == len(self.steps):
            return self.values[max(i - 1, 0)]
        start = self.steps[i - 1]
        u = progress(step - start, self.steps[i] - start)
        return between(self.values[i - 1], self.values[i], u, self._shape(i))

    def knots(self, stop: int) -> tuple[int, ...]:
        return self.steps

    def planned_steps(self) -> int | None:
        return planned_end(self.steps, self.values, self._shape(len(self.steps) - 1))

    def ending_at(self, total_steps: int) -> Piecewise:
        """Return the same plan with its end at another step."""
        moments = ending_at(self.steps, self.values, total_steps)
        return replace(self, steps=tuple(int(moment) for moment in moments))
