"""Schedules scaled, multiplied, added and clipped: the rest of the algebra beside :mod:`compose`.

Every result is a schedule like any other: it compares equal, pickles, prints as the code that rebuilds it,
and can be a part of the next one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from ..elementwise import Number, at_least, at_most
from ..fields import Ratio, Value, settle
from ..registry import register_combinator
from ..schedule import Schedule, evaluate, knots, planned_steps, values
from .compose import as_schedule


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

    def knots(self, stop: int, start: int = 0) -> Iterable[int]:
        return knots(self.schedule, stop, start)


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

    def knots(self, stop: int, start: int = 0) -> Iterable[int]:
        return (knot for factor in self.factors for knot in knots(factor, stop, start))

    def planned_steps(self) -> int | None:
        return _last_end(self.factors)


def _last_end(schedules: Iterable[Schedule]) -> int | None:
    """Return the last of the planned ends of schedules on one clock."""
    ends = (planned_steps(schedule) for schedule in schedules)
    return max((end for end in ends if end is not None), default=None)


@register_combinator("sum")
@dataclass(frozen=True, kw_only=True)
class Sum:
    """Schedules added, all on one clock: ``v(t) = terms[0](t) + terms[1](t) + ...``.

    Sums inside a sum are opened, so ``add(add(a, b), c) == add(a, add(b, c))``.

    Attributes:
        terms: the schedules, at least one.

    Raises:
        ValueError: there are no terms.
    """

    terms: tuple[Schedule, ...]

    def __post_init__(self) -> None:
        settle(self)
        if not self.terms:
            raise ValueError("terms must be one schedule or more, got none")
        opened = (t.terms if isinstance(t, Sum) else (t,) for t in self.terms)
        object.__setattr__(self, "terms", tuple(piece for pieces in opened for piece in pieces))

    def __call__(self, step: Number) -> Number:
        result = evaluate(self.terms[0], step)
        for term in self.terms[1:]:
            result = result + evaluate(term, step)
        return result

    def knots(self, stop: int, start: int = 0) -> Iterable[int]:
        return (knot for term in self.terms for knot in knots(term, stop, start))

    def planned_steps(self) -> int | None:
        return _last_end(self.terms)


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

    def knots(self, stop: int, start: int = 0) -> Iterable[int]:
        """Yield the schedule's own knots, and the steps at which it meets or leaves a bound."""
        yield from knots(self.schedule, stop, start)
        free = values(self.schedule, stop + 1, start)
        held = np.zeros(len(free), dtype=bool)
        for beyond in (
            None if self.low is None else free < self.low,
            None if self.high is None else free > self.high,
        ):
            if beyond is not None:
                held |= beyond
        yield from (np.flatnonzero(held[1:] != held[:-1]) + start + 1).tolist()


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


def add(*terms: Schedule | float) -> Sum:
    """Return the schedules added, numbers among them as they are; see :class:`Sum`.

    >>> from schedules import Linear
    >>> add(0.1, Linear(total_steps=4, peak_value=1.0))(2)
    0.6
    """
    return Sum(terms=tuple(map(as_schedule, terms)))


def clip(schedule: Schedule, low: float | None = None, high: float | None = None) -> Clip:
    """Return the schedule held between ``low`` and ``high``; see :class:`Clip`."""
    return Clip(schedule=schedule, low=low, high=high)
