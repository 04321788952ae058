"""One stage after another, each with a length, a target and a shape."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, replace
from functools import cached_property, partial
from itertools import accumulate, pairwise
from typing import Annotated, Any

import numpy as np

from ..elementwise import Number, at_least, piecewise, progress
from ..fields import Rule, Steps, Value, check_shape_ends, settle
from ..points import ending_at, planned_end
from ..registry import register
from ..shapes import between

StageShape = Annotated[str, Rule("shape", choices=("jump",))]
"""A name in ``schedules.SHAPES``, or ``"jump"``."""


@register("multistage")
@dataclass(frozen=True, kw_only=True)
class MultiStage:
    """Stages in a row: each goes from the value reached so far to its own, by its shape, over its length::

        v(t) = x_i + (x_{i-1} - x_i) * s_i((t - S_i) / L_i)    S_i <= t < S_i + L_i,    x_0 = peak
        v(t) = x_i                                             in a stage that jumps
        v(t) = x_n                                             after the last stage

    A stage whose value is the one reached so far is a flat stretch. ``jump`` is at the stage's value from
    its first step on; ``constant`` keeps the old value and is at the new one when the stage is over.
    A warm-up in front comes on top of the stages' lengths; ``piecewise`` states dates instead.

    Best for: language-model recipes: flat, cosine to a tenth, flat, jump, straight line to zero.

    Attributes:
        peak_value: value at the first stage's start, and what ``"10%"`` is a part of.
        stage_steps: each stage's length ``L_i`` [steps, >= 0].
        stage_values: each stage's value at its end, ``x_i``.
        stage_shapes: names in ``SHAPES``, or ``jump``: one for each stage, or one for all.

    Raises:
        ValueError: a field is out of bounds, the counts differ, or a shape needs values > 0.

    Source:
        DeepSeek-V3, arXiv:2412.19437; Moonlight, arXiv:2502.16982.

    >>> s = MultiStage(
    ...     peak_value=1.0,
    ...     stage_steps=(4, 4, 2, 4),
    ...     stage_values=(1.0, "50%", 0.2, 0.0),
    ...     stage_shapes=("linear", "cosine", "jump", "linear"),
    ... )
    >>> [round(s(t), 6) for t in (0, 4, 6, 8, 9, 10, 12, 14)]
    [1.0, 1.0, 0.75, 0.2, 0.2, 0.2, 0.1, 0.0]
    """

    peak_value: Value
    stage_steps: tuple[Steps, ...]
    stage_values: tuple[Value, ...]
    stage_shapes: tuple[StageShape, ...] = ("linear",)

    def __post_init__(self) -> None:
        settle(self)
        count = len(self.stage_steps)
        if count < 1 or len(self.stage_values) != count:
            raise ValueError(
                "stage_values must be as many as stage_steps, and one or more, "
                f"got {len(self.stage_values)} for {count}"
            )
        if len(self.stage_shapes) not in (1, count):
            raise ValueError(f"stage_shapes must hold 1 or {count} shapes, got {len(self.stage_shapes)}")
        values = (self.peak_value, *self.stage_values)
        for i in range(count):
            check_shape_ends(self._shape(i), stage_values=min(values[i : i + 2]))

    def _shape(self, i: int) -> str:
        return self.stage_shapes[0] if len(self.stage_shapes) == 1 else self.stage_shapes[i]

    @cached_property
    def _ends(self) -> tuple[int, ...]:
        return tuple(accumulate(self.stage_steps))

    def __call__(self, step: Number) -> Number:
        step = at_least(step, 0.0)
        if isinstance(step, np.ndarray):
            return piecewise(step, self._ends, [partial(self._stage, i) for i in range(len(self._ends) + 1)])
        return self._stage(bisect_right(self._ends, step), step)

    def _stage(self, i: int, step: Any) -> Any:
        """Return the value in stage ``i``, counted from 0, or after the last one."""
        end = self.stage_values[min(i, len(self._ends) - 1)]
        if i == len(self._ends) or self._shape(i) == "jump":
            return end
        start = self.stage_values[i - 1] if i else self.peak_value
        u = progress(step - (self._ends[i] - self.stage_steps[i]), self.stage_steps[i])
        return between(start, end, u, self._shape(i))

    def knots(self, stop: int) -> tuple[int, ...]:
        return self._ends

    def planned_steps(self) -> int | None:
        last = self._shape(len(self.stage_steps) - 1)
        return planned_end((0, *self._ends), (self.peak_value, *self.stage_values), last)

    def ending_at(self, total_steps: int) -> MultiStage:
        """Return the same plan with its end at another step."""
        moments = ending_at((0, *self._ends), (self.peak_value, *self.stage_values), total_steps)
        lengths = [int(end) - int(start) for start, end in pairwise(moments)]
        return replace(self, stage_steps=tuple(lengths))
