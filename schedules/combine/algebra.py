"""Schedules repeated, scaled, multiplied and clipped: the rest of the algebra beside :mod:`compose`.

Every result is a schedule like any other: it compares equal, pickles, prints as the code that rebuilds it,
and can be a part of the next one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Annotated, Any

import numpy as np

from ..cycles import Starts
from ..elementwise import Number, at_least, at_most
from ..fields import Count, OneOrMoreSteps, Ratio, Rule, Value, settle
from ..registry import register_combinator
from ..schedule import Schedule, evaluate, knots, planned_steps, values
from .compose import as_schedule

Growth = Annotated[float, Rule("number", low=1.0)]
"""A factor that never shrinks [>= 1]."""


@register_combinator("repeat")
@dataclass(frozen=True, kw_only=True)
class Repeat:
    """The first ``cycle_steps`` of a schedule, again and again; a longer cycle reads it more slowly::

        T_i = floor(cycle_steps * cycle_mult ^ i)        S_i = T_0 + ... + T_(i-1)
        v(t) = cycle_decay ^ i * schedule((t - S_i) * cycle_steps / T_i)        S_i <= t < S_(i+1)

    The starts are whole numbers added up exactly. After the last cycle its end holds.

    Attributes:
        schedule: what is repeated.
        cycle_steps: length of the first cycle [steps, >= 1].
        cycles: how many there are; ``None`` goes on for ever.
        cycle_mult: factor of each cycle's length [>= 1].
        cycle_decay: factor of each cycle's values [>= 0].

    Raises:
        ValueError: a field is out of bounds.

    >>> from schedules import Linear
    >>> s = Repeat(schedule=Linear(total_steps=2, peak_value=1.0), cycle_steps=2, cycles=2, cycle_mult=2)
    >>> [s(t) for t in range(8)]
    [1.0, 0.5, 1.0, 0.75, 0.5, 0.25, 0.0, 0.0]
    """

    schedule: Schedule
    cycle_steps: OneOrMoreSteps
    cycles: Count | None = None
    cycle_mult: Growth = 1.0
    cycle_decay: Ratio = 1.0

    def __post_init__(self) -> None:
        settle(self)

    def __call__(self, step: Number) -> Number:
        cycle, start, length = self._cycle(at_least(step, 0.0))
        inside = at_most(step - start, length)
        repeated = evaluate(
            self.schedule, inside if self.cycle_mult == 1.0 else inside * self.cycle_steps / length
        )
        return repeated if self.cycle_decay == 1.0 else repeated * self.cycle_decay**cycle

    def _cycle(self, step: Any) -> tuple[Any, Any, Any]:
        """Return the number, first step and length of the cycle that ``step`` is in."""
        last = np.inf if self.cycles is None else self.cycles - 1
        if self.cycle_mult == 1.0:
            cycle = at_most(step // self.cycle_steps, last)
            return cycle, cycle * self.cycle_steps, self.cycle_steps
        return self._starts.cycle(step)

    @cached_property
    def _starts(self) -> Starts:
        return Starts(self.cycle_steps, self.cycle_mult, self.cycles)

    def __getstate__(self) -> dict[str, object]:
        return {key: state for key, state in vars(self).items() if key != "_starts"}

    def knots(self, stop: int) -> Iterable[int]:
        inner = knots(self.schedule, self.cycle_steps)
        starts = self._starts.past(stop)
        yield from starts
        for start, following in pairwise(starts):
            # the first whole step at or after the stretched knot
            yield from (start - (-k * (following - start) // self.cycle_steps) for k in inner)

    def planned_steps(self) -> int | None:
        return self._starts.end()


@register_combinator("scale")
@dataclass(frozen=True, kw_only=True)
class Scale:
    """The schedule times a number: ``v(t) = by * schedule(t)``.

    Attributes:
        schedule: the schedule to scale.
        by: the factor [>= 0].
    """

    schedule: Schedule
    by: Ratio

    def __post_init__(self) -> None:
        settle(self)

    def __call__(self, step: Number) -> Number:
        return self.by * evaluate(self.schedule, step)

    def knots(self, stop: int) -> Iterable[int]:
        return knots(self.schedule, stop)


@register_combinator("product")
@dataclass(frozen=True, kw_only=True)
class Product:
    """Schedules multiplied, all on one clock: ``v(t) = factors[0](t) * factors[1](t) * ...``.

    Products inside a product are opened, so ``product(product(a, b), c) == product(a, product(b, c))``.

    Attributes:
        factors: the schedules, at least one.

    Raises:
        ValueError: there are no factors.

    Source:
        t5x's factors (``constant * linear_warmup * rsqrt_decay``), by value; torch's ``ChainedScheduler``.
    """

    factors: tuple[Schedule, ...]

    def __post_init__(self) -> None:
        settle(self)
        if not self.factors:
            raise ValueError("factors must be one schedule or more, got none")
        opened = (f.factors if isinstance(f, Product) else (f,) for f in self.factors)
        object.__setattr__(self, "factors", tuple(piece for pieces in opened for piece in pieces))

    def __call__(self, step: Number) -> Number:
        result = evaluate(self.factors[0], step)
        for factor in self.factors[1:]:
            result = result * evaluate(factor, step)
        return result

    def knots(self, stop: int) -> Iterable[int]:
        return (knot for factor in self.factors for knot in knots(factor, stop))

    def planned_steps(self) -> int | None:
        ends = (planned_steps(factor) for factor in self.factors)
        return max((end for end in ends if end is not None), default=None)


@register_combinator("clip")
@dataclass(frozen=True, kw_only=True)
class Clip:
    """The schedule held between two bounds: ``v(t) = min(high, max(low, schedule(t)))``.

    Attributes:
        schedule: the schedule to clip.
        low: nothing below this; ``None`` is no floor.
        high: nothing above this; ``None`` is no ceiling.

    Raises:
        ValueError: neither bound is given, or ``low`` is above ``high``.
    """

    schedule: Schedule
    low: Value | None = None
    high: Value | None = None

    def __post_init__(self) -> None:
        settle(self)
        if self.low is None and self.high is None:
            raise ValueError("low or high must be given, got neither")
        if self.low is not None and self.high is not None and self.low > self.high:
            raise ValueError(f"low must be <= high, got {self.low} > {self.high}")

    def __call__(self, step: Number) -> Number:
        value = evaluate(self.schedule, step)
        value = value if self.low is None else at_least(value, self.low)
        return value if self.high is None else at_most(value, self.high)

    def knots(self, stop: int) -> Iterable[int]:
        """Yield the schedule's own knots, and the steps at which it meets or leaves a bound."""
        yield from knots(self.schedule, stop)
        free = values(self.schedule, stop + 1)
        held = np.zeros(len(free), dtype=bool)
        for beyond in (
            None if self.low is None else free < self.low,
            None if self.high is None else free > self.high,
        ):
            if beyond is not None:
                held |= beyond
        yield from (np.flatnonzero(held[1:] != held[:-1]) + 1).tolist()


def repeat(
    schedule: Schedule, cycle_steps: int, times: int | None = None, mult: float = 1.0, decay: float = 1.0
) -> Repeat:
    """Return the schedule's first ``cycle_steps`` repeated; see :class:`Repeat`.

    Args:
        schedule: what is repeated.
        cycle_steps: length of the first cycle [steps, >= 1].
        times: how many cycles; ``None`` goes on for ever.
        mult: factor of each cycle's length [>= 1].
        decay: factor of each cycle's values [>= 0].
    """
    return Repeat(
        schedule=schedule, cycle_steps=cycle_steps, cycles=times, cycle_mult=mult, cycle_decay=decay
    )


def scale(schedule: Schedule, by: float) -> Scale:
    """Return the schedule times ``by``; see :class:`Scale`."""
    return Scale(schedule=schedule, by=by)


def product(*factors: Schedule | float) -> Product:
    """Return the schedules multiplied, numbers among them as they are; see :class:`Product`.

    >>> from schedules import Linear
    >>> product(0.1, Linear(total_steps=4, peak_value=1.0))(2)
    0.05
    """
    return Product(factors=tuple(map(as_schedule, factors)))


def clip(schedule: Schedule, low: float | None = None, high: float | None = None) -> Clip:
    """Return the schedule held between ``low`` and ``high``; see :class:`Clip`."""
    return Clip(schedule=schedule, low=low, high=high)
