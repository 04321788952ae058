"""Questions to schedules: area, peak, where a value is reached, how two of them differ.

All of them speak of updates: ``stop`` is the number of updates in the run, so steps ``0 .. stop - 1`` are
looked at. Nothing is cached and nothing is changed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ..combine.algebra import Scale
from ..schedule import Schedule, values
from ..units import whole


class Point(NamedTuple):
    """A step and the value there."""

    step: int
    value: float


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
    run = values(schedule, whole(stop, "stop", low=1))
    step = int(np.argmax(run))
    return Point(step, float(run[step]))


def first_step_at_or_below(schedule: Schedule, value: float, stop: int, start: int = 0) -> int | None:
    """Return the first update in ``start .. stop - 1`` whose value is ``<= value``; ``None`` if none is.

    >>> from schedules import Linear
    >>> first_step_at_or_below(Linear(total_steps=100, peak_value=1.0), 0.25, 100)
    75
    """
    found = np.flatnonzero(values(schedule, stop, start) <= value)
    return int(start) + int(found[0]) if len(found) else None


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


def scaled_to(
    schedule: Schedule, stop: int, *, area: float | None = None, peak: float | None = None
) -> Scale:
    """Return the schedule times the number that gives its first ``stop`` updates this area, or this peak.

    Schedules of equal area, or of equal peak, are compared fairly: what is left between them is the shape.

    Args:
        schedule: the schedule to scale.
        stop: updates in the run [steps, >= 1].
        area: sum of the values that is asked for [>= 0]; give this or ``peak``.
        peak: highest value that is asked for [>= 0].

    Raises:
        ValueError: not exactly one is given, or the schedule's own is not above 0.

    >>> from schedules import Cosine
    >>> round(scaled_to(Cosine(total_steps=100, peak_value=1.0), 100, peak=0.3)(0), 12)
    0.3
    """
    if (area is None) == (peak is None):
        raise ValueError(f"exactly one of area and peak must be given, got area={area}, peak={peak}")
    asked, own = (area, _area(schedule, stop)) if peak is None else (peak, _peak(schedule, stop).value)
    assert asked is not None
    if not own > 0:
        raise ValueError(f"schedule must have an area and a peak > 0 to be scaled, got {own:g}")
    return Scale(schedule=schedule, by=asked / own)


_area, _peak = area, peak  # the arguments of scaled_to have the same names
