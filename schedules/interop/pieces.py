"""What other libraries' conventions need beyond the registered schedules: curves between any two moments.

A registered schedule counts its phases in whole steps. Others let a phase end between two steps (torch's
one-cycle turns at ``pct_start * T - 1``), or call a function of the user's. These classes say such curves as
formulas. They stand in the table of combinators: made by hand or read from a peer, never by name in a config.
:func:`through` and :func:`triangles` return the registered schedule wherever that says the same.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from ..elementwise import Number, at_least, piecewise, progress
from ..families.cyclic import Cyclic
from ..families.exponential import Exponential
from ..families.piecewise import Piecewise
from ..fields import (
    Offset,
    PositiveRatio,
    Ratio,
    ShapeName,
    Value,
    check_shape_ends,
    settle,
)
from ..points import ending_at, planned_end
from ..registry import register_combinator
from ..schedule import Schedule, evaluate
from ..shapes import between
from .intervals import Geometric, PerInterval


@register_combinator("phases")
@dataclass(frozen=True, kw_only=True)
class Phases:
    """From value to value, each reached at a moment that need not be a whole step::

        u = (t - a_i) / (a_(i+1) - a_i)
        v(t) = x_(i+1) + (x_i - x_(i+1)) * s_i(u ^ k) ^ power    a_i <= t < a_(i+1)

    Before the first moment the first value holds, after the last the last. Two equal moments are a jump.
    For what ``Piecewise`` has no words for: turns between two steps, a start half way, and the two exponents.

    Attributes:
        at: the moments ``a_i`` [steps, not falling]; one before 0 starts a curve half way.
        values: the values ``x_i``.
        shapes: ``s_i``, names in ``SHAPES``, one fewer than the moments.
        power: exponent of the fraction left [> 0].
        k_decay: ``k``, exponent of the progress [> 0].

    Raises:
        ValueError: the moments fall, or the three lists do not fit together.

    >>> s = Phases(at=(0.0, 1.5, 3.0), values=(0.0, 3.0, 0.0), shapes=("linear", "linear"))
    >>> [s(t) for t in (0, 1, 2)]
    [0.0, 2.0, 2.0]
    """

    at: tuple[Offset, ...]
    values: tuple[Value, ...]
    shapes: tuple[ShapeName, ...]
    power: PositiveRatio = 1.0
    k_decay: PositiveRatio = 1.0

    def __post_init__(self) -> None:
        settle(self)
        if not len(self.at) == len(self.values) == len(self.shapes) + 1 >= 2:
            raise ValueError(
                "at and values must be one more than shapes, and 2 or more, "
                f"got {len(self.at)}, {len(self.values)} and {len(self.shapes)}"
            )
        if list(self.at) != sorted(self.at):
            raise ValueError(f"at must not fall, got {self.at}")
        for shape, start, end in zip(self.shapes, self.values, self.values[1:], strict=False):
            check_shape_ends(shape, values=min(start, end))

    def __call__(self, step: Number) -> Number:
        return piecewise(step, self.at[1:-1], self._branches)

    @cached_property
    def _branches(self) -> list[Callable[[Any], Any]]:
        def phase(i: int) -> Callable[[Any], Any]:
            start, length = self.at[i], self.at[i + 1] - self.at[i]

            def curve(step: Any) -> Any:
                u = progress(step - start, length) ** self.k_decay
                return between(self.values[i], self.values[i + 1], u, self.shapes[i], self.power)

            return curve

        return [phase(i) for i in range(len(self.shapes))]

    def __getstate__(self) -> dict[str, object]:
        return {key: state for key, state in vars(self).items() if key != "_branches"}

    def knots(self, stop: int) -> Iterable[int]:
        return (math.ceil(moment) for moment in self.at)

    def planned_steps(self) -> int | None:
        end = planned_end(self.at, self.values, self.shapes[-1])
        return None if end is None else math.ceil(end)

    def ending_at(self, total_steps: int) -> Phases:
        """Return the same plan with its end at another step."""
        return replace(self, at=tuple(ending_at(self.at, self.values, total_steps)))


@register_combinator("triangle_wave")
@dataclass(frozen=True, kw_only=True)
class TriangleWave:
    """Straight up, straight down, again and again, its height under a second schedule::

        v(t) = init + (peak - init) * triangle(t) * factor(t)

    For what ``Cyclic`` has no words for: turns between two steps, and a factor of the user's own.

    Attributes:
        init_value: value where a cycle begins.
        peak_value: value at the top of the first cycle.
        rise_steps: time to the top [steps, > 0, whole or not].
        fall_steps: time back [steps, >= 0, whole or not].
        factor: a schedule on the same clock that multiplies the height; ``None`` is 1.

    Source:
        Smith 2015, arXiv:1506.01186 (cyclical learning rates).

    >>> s = TriangleWave(init_value=0.0, peak_value=1.0, rise_steps=2, fall_steps=2)
    >>> [s(t) for t in (0, 1, 2, 3, 4, 5)]
    [0.0, 0.5, 1.0, 0.5, 0.0, 0.5]
    """

    init_value: Value
    peak_value: Value
    rise_steps: PositiveRatio
    fall_steps: Ratio
    factor: Schedule | None = None

    def __post_init__(self) -> None:
        settle(self)

    def __call__(self, step: Number) -> Number:
        step = at_least(step, 0.0)
        place = step % (self.rise_steps + self.fall_steps)
        height = progress(place, self.rise_steps)
        if self.fall_steps:
            height = height - progress(place - self.rise_steps, self.fall_steps)
        if self.factor is not None:
            height = height * evaluate(self.factor, step)
        return self.init_value + (self.peak_value - self.init_value) * height

    def knots(self, stop: int, start: int = 0) -> Iterable[int]:
        period = self.rise_steps + self.fall_steps
        for cycle in range(max(0, int(start / period) - 1), math.ceil(stop / period)):
            yield math.ceil(cycle * period + self.rise_steps)
            yield math.ceil((cycle + 1) * period)


def through(
    at: Sequence[float], values: Sequence[float], shapes: Sequence[str], **exponents: float
) -> Schedule:
    """Return the curve through the points: ``Piecewise`` where all are at whole steps, else ``Phases``.

    Args:
        at: the moments [steps, not falling].
        values: the values there.
        shapes: names in ``SHAPES``, one fewer than the moments.
        **exponents: ``power`` and ``k_decay`` of :class:`Phases`.
    """
    if all(moment >= 0 and moment == int(moment) for moment in at) and set(exponents.values()) <= {1.0}:
        return Piecewise(steps=tuple(map(int, at)), values=tuple(values), between=tuple(shapes))
    return Phases(at=tuple(at), values=tuple(values), shapes=tuple(shapes), **exponents)


def triangles(
    low: float, high: float, rise: float, fall: float, decay: float = 1.0, gamma: float = 1.0
) -> Schedule:
    """Return triangles: ``Cyclic`` where both turns are at whole steps, else a :class:`TriangleWave`.

    Args:
        low: value where a cycle begins.
        high: value at the top of the first cycle.
        rise: time to the top [steps, > 0].
        fall: time back [steps, >= 0].
        decay: factor of each cycle's height; 1 where ``gamma`` is not.
        gamma: factor of the height for each step.
    """
    up, down = round(rise), round(fall)
    near = 1e-9 * (rise + fall)  # the peer divides and multiplies by the period
    if up >= 1 and abs(rise - up) <= near and abs(fall - down) <= near and max(decay, gamma) <= 1.0:
        return Cyclic(
            init_value=low, peak_value=high, warmup_steps=up, decay_steps=down, cycle_decay=decay, gamma=gamma
        )
    factor: Schedule | None = None
    if decay != 1.0:
        factor = PerInterval(function=Geometric(decay), every=rise + fall)
    elif gamma != 1.0:
        factor = Exponential(peak_value=1.0, gamma=gamma)
    return TriangleWave(init_value=low, peak_value=high, rise_steps=rise, fall_steps=fall, factor=factor)
