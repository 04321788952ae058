"""Questions to schedules: area, peak, where they break, how two of them differ.

All of them speak of updates: ``stop`` is the number of updates in the run, so steps ``0 .. stop - 1`` are
looked at. Nothing is cached and nothing is changed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from .elementwise import FloatArray
from .schedule import Schedule, evaluate, knots, values
from .tree import is_registered, nodes

FINEST = 48
"""Bits of a step's number and its fraction together that a search for a break uses, of a float's 53."""


class Point(NamedTuple):
    """A step and the value there."""

    step: int
    value: float


@dataclass(frozen=True)
class Break:
    """Where a schedule is not smooth.

    Attributes:
        step: the first update on the new side.
        before: value (of a jump) or change per step (of a kink) on the old side.
        after: the same on the new side.
    """

    step: int
    before: float
    after: float

    @property
    def size(self) -> float:
        """``after - before``."""
        return self.after - self.before


@dataclass(frozen=True)
class Difference:
    """How two schedules differ.

    Attributes:
        first_step: the first update at which they differ.
        largest: the difference ``a(t) - b(t)`` that is largest without its sign.
        largest_step: the update at which it is.
        area: ``area(a) - area(b)``.
    """

    first_step: int
    largest: float
    largest_step: int
    area: float


def area(schedule: Schedule, stop: int, start: int = 0) -> float:
    """Return the sum of the values of updates ``start .. stop - 1``, added up without rounding.

    It is how far a run can move: two schedules of equal area spend the same budget of learning rate.

    >>> from schedules import Linear
    >>> area(Linear(total_steps=4, peak_value=1.0), 4)
    2.5
    """
    return math.fsum(values(schedule, stop, start))


def peak(schedule: Schedule, stop: int) -> Point:
    """Return the highest value of updates ``0 .. stop - 1``, at the first step that has it.

    >>> from schedules import build
    >>> peak(build("linear", total_steps=100, peak_value=0.5, warmup_steps=10), 100)
    Point(step=10, value=0.5)
    """
    if stop < 1:
        raise ValueError(f"stop must be a whole number >= 1, got {stop!r}")
    run = values(schedule, stop)
    step = int(np.argmax(run))
    return Point(step, float(run[step]))


def first_step_at_or_below(schedule: Schedule, value: float, stop: int, start: int = 0) -> int | None:
    """Return the first update in ``start .. stop - 1`` whose value is ``<= value``; ``None`` if none is.

    >>> from schedules import Linear
    >>> first_step_at_or_below(Linear(total_steps=100, peak_value=1.0), 0.25, 100)
    75
    """
    found = np.flatnonzero(values(schedule, stop, start) <= value)
    return start + int(found[0]) if len(found) else None


def diff(a: Schedule, b: Schedule, stop: int, tolerance: float = 1e-9) -> Difference | None:
    """Return how two schedules differ over updates ``0 .. stop - 1``; ``None`` when they don't.

    Args:
        a: a schedule, or any function of the step.
        b: the other.
        stop: updates to compare [steps].
        tolerance: what counts as equal, as a part of the largest value of either [>= 0]; 0 asks for
            the same bits.

    >>> from schedules import Cosine, Linear
    >>> found = diff(Cosine(total_steps=4, peak_value=1.0), Linear(total_steps=4, peak_value=1.0), 4)
    >>> found.first_step, round(found.largest, 4), found.largest_step
    (1, 0.1036, 1)
    """
    ours, theirs = values(a, stop), values(b, stop)
    with np.errstate(invalid="ignore"):  # inf - inf
        gap = ours - theirs
    scale = max(np.max(np.abs(ours), initial=0.0), np.max(np.abs(theirs), initial=0.0))
    beyond = np.flatnonzero(~((np.abs(gap) <= tolerance * scale) | (ours == theirs)))  # NaN is beyond
    if not len(beyond):
        return None
    step = int(np.argmax(np.abs(gap)))
    return Difference(int(beyond[0]), float(gap[step]), step, math.fsum(ours) - math.fsum(theirs))


def jumps(schedule: Schedule, stop: int) -> tuple[Break, ...]:
    """Return where the value changes at once, among the steps that the schedule declares as its knots.

    A knot at ``k`` speaks of the steps in ``(k - 1, k]``. That interval is halved towards the larger
    change; where the change stays as the interval vanishes, it is a jump.

    Raises:
        ValueError: the schedule is, or holds, a plain function, which declares no knots.

    >>> from schedules import Step
    >>> jumps(Step(peak_value=1.0, step_size=30, gamma=0.5), 60)
    (Break(step=30, before=1.0, after=0.5),)
    """
    at, low, high, jumped = _halved(schedule, stop)
    found = zip(at[jumped], low[jumped], high[jumped], strict=True)
    return tuple(Break(int(k), float(before), float(after)) for k, before, after in found)


def kinks(schedule: Schedule, stop: int) -> tuple[Break, ...]:
    """Return where the slope changes at once while the value does not, among the declared knots.

    A knot is a kink where ``v(k - h) - 2 v(k) + v(k + h)``, divided by ``h``, stays as ``h`` vanishes.
    ``before`` and ``after`` are the changes from update to update on both sides, so they are finite
    where the slope is not (``one_minus_sqrt``).

    Raises:
        ValueError: the schedule is, or holds, a plain function, which declares no knots.

    >>> from schedules import WarmupStableDecay
    >>> s = WarmupStableDecay(total_steps=8, peak_value=1.0, warmup_steps=2, decay_steps=4, init_value=0.0)
    >>> [(kink.step, kink.before, kink.after) for kink in kinks(s, 8)]
    [(2, 0.5, 0.0), (4, 0.0, -0.25)]
    """
    at, _, _, jumped = _halved(schedule, stop)
    at = at[~jumped]
    bent = at[_bends(schedule, at)]
    here = evaluate(schedule, bent)
    before, after = here - evaluate(schedule, bent - 1), evaluate(schedule, bent + 1) - here
    return tuple(
        Break(int(k), float(b), float(a)) for k, b, a in zip(bent, before, after, strict=True) if a != b
    )


def _declared(schedule: Schedule, stop: int) -> FloatArray:
    if not all(is_registered(node) for node, _ in nodes(schedule)):
        raise ValueError(
            f"schedule must be made of registered schedules, which declare their knots, got {schedule!r}"
        )
    return np.array([k for k in knots(schedule, stop) if k < stop], dtype=float)


def _halved(schedule: Schedule, stop: int) -> tuple[FloatArray, FloatArray, FloatArray, np.ndarray]:
    """Return the knots, the values on both sides of the largest change before each, and whether it jumps."""
    at = _declared(schedule, stop)
    low, high = at - 1.0, at.copy()
    v_low, v_high = evaluate(schedule, low), evaluate(schedule, high)
    noise = 1e-9 * np.maximum(np.abs(v_low), np.abs(v_high))
    noise += 1e-14 * max(np.max(np.abs(v_high), initial=0.0), float(schedule(0)))
    halvings = max(FINEST - stop.bit_length(), 12)
    earlier = np.zeros_like(at)
    for i in range(halvings):
        if i == halvings - 10:
            earlier = np.abs(v_high - v_low)
        middle = 0.5 * (low + high)
        v_middle = evaluate(schedule, middle)
        right = np.abs(v_high - v_middle) >= np.abs(v_middle - v_low)
        low, v_low = np.where(right, middle, low), np.where(right, v_middle, v_low)
        high, v_high = np.where(right, high, middle), np.where(right, v_high, v_middle)
    change = np.abs(v_high - v_low)
    return at, v_low, v_high, (change > noise) & (change > 0.5 * earlier)


def _bends(schedule: Schedule, at: FloatArray) -> np.ndarray:
    """Return for each knot whether the slope changes at once, at it or inside the step before it."""
    noise = 1e-10 * max(np.max(np.abs(evaluate(schedule, at)), initial=0.0), float(schedule(0)))

    def bend(center: FloatArray, h: float) -> FloatArray:
        sides = evaluate(schedule, center - h) + evaluate(schedule, center + h)
        return np.abs(sides - 2.0 * evaluate(schedule, center)) / h

    def stays(wide: FloatArray, narrow: FloatArray) -> np.ndarray:
        return (narrow > noise) & (narrow > 0.25 * wide)

    exactly = stays(bend(at, 2.0**-6), bend(at, 2.0**-12))
    center, wide = at - 0.5, np.zeros_like(at)
    for bits in range(2, 13):
        h = 2.0**-bits
        tries = np.stack([center - h, center, center + h])
        bends = np.stack([bend(c, h) for c in tries])
        best = np.argmax(bends, axis=0)[None]
        center, narrow = (np.take_along_axis(table, best, axis=0)[0] for table in (tries, bends))
        wide = narrow if bits == 6 else wide
    return exactly | stays(wide, narrow)
