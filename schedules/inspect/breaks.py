"""Where a schedule is not smooth: jumps of the value and kinks of the slope.

They are looked for at the steps that schedules declare as their knots, on a clock as fine as a float
allows, so a steep decay is no jump and a small jump is not missed.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..combine.compose import Every, Join, Shift
from ..elementwise import FloatArray
from ..schedule import Schedule, evaluate, knots, planned_steps
from ..tree import children, is_registered, nodes
from ..units import whole

FINEST = 48
"""Bits of a step's number and its fraction together that a search for a break uses, of a float's 53."""


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
    at, low, high, jumped = _halved(schedule, whole(stop, "stop"))
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
    stop = whole(stop, "stop")
    at, _, _, jumped = _halved(schedule, stop)
    at = at[~jumped]
    bent = at[_bends(schedule, at, stop)]
    here = evaluate(schedule, bent)
    before, after = here - evaluate(schedule, bent - 1), evaluate(schedule, bent + 1) - here
    return tuple(
        Break(int(k), float(b), float(a)) for k, b, a in zip(bent, before, after, strict=True) if a != b
    )


def unasked_jumps(schedule: Schedule, stop: int) -> tuple[Break, ...]:
    """Return the jumps where one part of a join takes over from another and one of them is not flat there.

    From flat to flat is a drop, a restart or the next stage: asked for, as are the jumps of any single
    schedule. A warm-up that doesn't meet what follows is not.

    Raises:
        ValueError: the schedule is, or holds, a plain function, which declares no knots.
    """
    joints = {step: (join, at) for step, join, at in _joints(schedule)}
    found = jumps(schedule, stop) if joints else ()
    return tuple(jump for jump in found if jump.step in joints and not _asked_for(*joints[jump.step]))


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
    noise = 1e-9 * np.maximum(np.abs(v_low), np.abs(v_high)) + 1e-14 * _size(schedule, at, stop)
    halvings = max(FINEST - stop.bit_length(), 12)
    earlier = np.zeros_like(at)
    for i in range(halvings):
        if i == halvings // 2:
            earlier = np.abs(v_high - v_low)
        middle = 0.5 * (low + high)
        v_middle = evaluate(schedule, middle)
        right = np.abs(v_high - v_middle) >= np.abs(v_middle - v_low)
        low, v_low = np.where(right, middle, low), np.where(right, v_middle, v_low)
        high, v_high = np.where(right, high, middle), np.where(right, v_high, v_middle)
    change = np.abs(v_high - v_low)
    return at, v_low, v_high, (change > noise) & (change > 0.5 * earlier)


def _size(schedule: Schedule, at: FloatArray, stop: int) -> float:
    """Return how large values are: a float's rounding is a part of the terms that they are made of."""
    ends = np.array([0.0, stop, planned_steps(schedule) or stop])
    return float(np.max(np.abs(evaluate(schedule, np.concatenate([ends, at])))))


def _bends(schedule: Schedule, at: FloatArray, stop: int) -> np.ndarray:
    """Return for each knot whether the slope changes at once, at it or inside the step before it."""
    noise = 1e-10 * _size(schedule, at, stop)

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


def _joints(schedule: Any, begin: float = 0.0, end: float = math.inf) -> Iterator[tuple[int, Join, int]]:
    """Yield each step of the run at which a part of a join takes over, the join, and its step there.

    ``begin`` is the step of the run at which this schedule's clock is at 0, ``end`` where its turn is over.
    """
    if isinstance(schedule, Every):  # stairs jump anyway
        return
    if isinstance(schedule, Shift):
        yield from _joints(schedule.schedule, begin - schedule.by, end)
    elif isinstance(schedule, Join):
        starts = (0, *schedule.boundaries)
        for part, start, stop in zip(schedule.parts, starts, (*starts[1:], math.inf), strict=True):
            if 0 < start < end - begin:
                yield math.ceil(begin + start), schedule, start
            yield from _joints(part, begin + start, min(end, begin + stop))
    else:
        for _, _, part in children(schedule):
            yield from _joints(part, begin, end)


def _asked_for(join: Join, at: int) -> bool:
    """Whether the join goes from flat to flat, or does not jump itself (something around it does)."""
    v, h = join, 2.0**-10
    edges = [0, *knots(join, 2 * at)]
    phases = (
        at - max(edge for edge in edges if edge < at),
        min((e for e in edges if e > at), default=2 * at) - at,
    )
    slopes = (abs(v(at - h) - v(at - 2 * h)) / h, abs(v(at + h) - v(at + 2 * h)) / h)
    size = abs(v(at) - v(at - h))
    if size <= 4.0 * h * slopes[0]:
        return True
    return all(slope * phase <= 0.02 * size for slope, phase in zip(slopes, phases, strict=True))
