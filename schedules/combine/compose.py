"""Schedules made of schedules. Each part sees a clock of its own; none knows that it is a part."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from ..elementwise import Number, floor, piecewise
from ..families.constant import Constant
from ..fields import (
    Offset,
    OneOrMoreSteps,
    Steps,
    Value,
    WarmupShape,
    check_shape_ends,
    settle,
)
from ..registry import register_combinator
from ..schedule import Schedule, evaluate, knots, planned_steps, regular
from ..shapes import warming, warmup_knots
from ..units import plain


@register_combinator("ramp")
@dataclass(frozen=True, kw_only=True)
class Ramp:
    """Rise (or fall) from one value to another, then hold: the warm-up phase.

    With warm-up length ``W`` and shape ``s``::

        v(t) = peak + (init - peak) * s(1 - t / W)                 0 <= t < W
             = init + (peak - init) * log(t + 1) / log(W)          0 <= t < W, where s is ``logarithmic``
             = peak                                                W <= t

    Attributes:
        peak_value: value from step ``W`` on.
        warmup_steps: ``W`` [steps, >= 0]; 0 is at the peak from the start.
        init_value: value at step 0.
        warmup_shape: a name in ``SHAPES``, run backwards, or ``logarithmic``, at the peak one step early.

    Raises:
        ValueError: a field is out of bounds, or the shape needs values > 0.

    Source:
        Goyal et al. 2017, arXiv:1706.02677 (gradual warm-up); logarithmic: DeepSpeed's ``WarmupLR``.

    >>> [Ramp(peak_value=1.0, init_value=0.0, warmup_steps=4)(t) for t in (0, 1, 4, 9)]
    [0.0, 0.25, 1.0, 1.0]
    """

    peak_value: Value
    warmup_steps: Steps
    init_value: Value
    warmup_shape: WarmupShape = "linear"

    def __post_init__(self) -> None:
        settle(self)
        check_shape_ends(self.warmup_shape, init_value=self.init_value, peak_value=self.peak_value)

    def __call__(self, step: Number) -> Number:
        return warming(self.init_value, self.peak_value, step, self.warmup_steps, self.warmup_shape)

    def knots(self, stop: int) -> Iterable[int]:
        return warmup_knots(self.warmup_steps, self.warmup_shape)


@register_combinator("join")
@dataclass(frozen=True, kw_only=True)
class Join:
    """One schedule after another, each on a clock that starts at 0 where its turn begins::

        v(t) = parts[i](t - boundaries[i - 1])    boundaries[i - 1] <= t < boundaries[i]

    Joins inside a join are opened and parts whose turn has no steps are left out, so a join of joins is
    one flat list: ``join(join(a, b, at=3), c, at=8) == join(a, join(b, c, at=5), at=3)``.

    Attributes:
        parts: the schedules, first to last.
        boundaries: the steps at which the next one takes over [steps, >= 0, not falling].

    Raises:
        ValueError: the boundaries fall, or are not one fewer than the parts.

    Source:
        ``optax.join_schedules``; unlike torch's ``SequentialLR``, wrapping a join changes nothing.
    """

    parts: tuple[Schedule, ...]
    boundaries: tuple[Steps, ...]

    def __post_init__(self) -> None:
        settle(self)
        if len(self.boundaries) != len(self.parts) - 1:
            raise ValueError(
                f"boundaries must be one fewer than parts, got {len(self.boundaries)} and {len(self.parts)}"
            )
        if list(self.boundaries) != sorted(self.boundaries):
            raise ValueError(f"boundaries must not fall, got {self.boundaries}")
        parts, boundaries = self._opened()
        object.__setattr__(self, "parts", parts)
        object.__setattr__(self, "boundaries", boundaries)

    def _opened(self) -> tuple[tuple[Schedule, ...], tuple[int, ...]]:
        """Return the parts that have a turn, and its boundaries, with every join among them laid open."""
        turns: list[tuple[Schedule, int]] = []
        for part, start, stop in zip(
            self.parts, (0, *self.boundaries), (*self.boundaries, math.inf), strict=True
        ):
            inner, cuts = (part.parts, part.boundaries) if isinstance(part, Join) else ((part,), ())
            for piece, begin, end in zip(inner, (0, *cuts), (*cuts, math.inf), strict=True):
                if start + begin < min(start + end, stop):
                    turns.append((piece, start + begin))
        return tuple(piece for piece, _ in turns), tuple(begin for _, begin in turns[1:])

    def __call__(self, step: Number) -> Number:
        return piecewise(step, self.boundaries, self._branches)

    @cached_property
    def _branches(self) -> list[Schedule]:
        """The parts as functions of the joint clock."""

        def on_joint_clock(part: Schedule, start: int) -> Schedule:
            if start == 0 and getattr(type(part), "takes_arrays", False):
                return part
            return lambda step: evaluate(part, step - start)

        return [on_joint_clock(p, s) for p, s in zip(self.parts, (0, *self.boundaries), strict=True)]

    def __getstate__(self) -> dict[str, object]:
        return {"parts": self.parts, "boundaries": self.boundaries}  # functions made here don't pickle

    def knots(self, stop: int, start: int = 0) -> Iterable[int]:
        for part, begin, end in zip(self.parts, (0, *self.boundaries), (*self.boundaries, stop), strict=True):
            yield begin
            inner = knots(part, min(stop, end) - begin, max(0, start - begin))
            yield from (begin + k for k in inner if begin + k < end or end == stop)

    def planned_steps(self) -> int | None:
        last = planned_steps(self.parts[-1])
        return None if last is None else (0, *self.boundaries)[-1] + last


@register_combinator("shift")
@dataclass(frozen=True, kw_only=True)
class Shift:
    """The schedule read ``by`` steps ahead: ``v(t) = schedule(t + by)``.

    Attributes:
        schedule: the schedule to read.
        by: the offset [steps]; 1 lets the first update use the second value, 0.5 the midpoint, and a
            negative one delays the schedule, holding its first value.
    """

    schedule: Schedule
    by: Offset

    def __post_init__(self) -> None:
        settle(self)

    def __call__(self, step: Number) -> Number:
        return evaluate(self.schedule, step + self.by)

    def knots(self, stop: int, start: int = 0) -> Iterable[int]:
        ahead = int(self.by // 1)
        inner = knots(self.schedule, max(0, stop + ahead + 1), max(0, start + ahead - 1))
        return (-int((self.by - k) // 1) for k in inner)

    def planned_steps(self) -> int | None:
        end = planned_steps(self.schedule)
        return None if end is None else max(0, -int((self.by - end) // 1))


@register_combinator("every")
@dataclass(frozen=True, kw_only=True)
class Every:
    """The schedule in stairs: its value held for whole intervals, ``v(t) = schedule(n floor(t / n))``.

    Attributes:
        schedule: the schedule to read.
        steps: ``n``, the interval [steps, >= 1]; ``"1ep"`` gives per-epoch stepping.
    """

    schedule: Schedule
    steps: OneOrMoreSteps

    def __post_init__(self) -> None:
        settle(self)

    def __call__(self, step: Number) -> Number:
        return evaluate(self.schedule, floor(step / self.steps) * self.steps)

    def knots(self, stop: int, start: int = 0) -> range:
        return regular(self.steps, self.steps, start, stop)

    def planned_steps(self) -> int | None:
        end = planned_steps(self.schedule)
        return None if end is None else -(-end // self.steps) * self.steps


def as_schedule(given: Schedule | float) -> Schedule:
    """Return a schedule as it is, and a number as the schedule that stays there."""
    return given if callable(given) else Constant(peak_value=given)


def join(*parts: Schedule | float, at: int | Iterable[int]) -> Join:
    """Return the parts one after another, each from its step in ``at`` on; see :class:`Join`.

    A part that is a number stays at it.

    >>> s = join(0.1, 0.01, 0.001, at=(30, 60))
    >>> s(29), s(30), s(60)
    (0.1, 0.01, 0.001)
    """
    at = plain(at)
    boundaries = (at,) if isinstance(at, str) or not isinstance(at, Iterable) else tuple(at)
    return Join(parts=tuple(map(as_schedule, parts)), boundaries=boundaries)


def shift(schedule: Schedule, by: float) -> Shift:
    """Return the schedule read ``by`` steps ahead; see :class:`Shift`."""
    return Shift(schedule=schedule, by=by)


def every(schedule: Schedule, steps: int) -> Every:
    """Return the schedule in stairs of ``steps`` steps; see :class:`Every`."""
    return Every(schedule=schedule, steps=steps)
