"""Triangles between two values, for as long as the run goes on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ..elementwise import Number, at_least, at_most, floor
from ..fields import OneOrMoreSteps, Part, Steps, Value, percent, settle
from ..registry import register
from ..schedule import regular


@register("cyclic")
@dataclass(frozen=True, kw_only=True)
class Cyclic:
    """Up in a straight line, down in a straight line, again and again.

    With rise ``W``, fall ``D``, cycle ``c = floor(t / (W + D))`` and ``x = t - c (W + D)`` steps into it::

        v(t) = init + (peak - init) * min(x / W, 1 - (x - W) / D) * cycle_decay^c * gamma^t

    The published policies by their numbers: ``triangular`` is this with both factors 1, ``triangular2``
    has ``cycle_decay=0.5``, ``exp_range`` has ``gamma`` below 1. For a momentum take ``init_value`` above
    ``peak_value``.

    Best for: finding good values without a planned end, snapshots at the low points.

    Attributes:
        peak_value: value at the top of the first cycle (before ``gamma``).
        warmup_steps: ``W``, the rising part of a cycle [steps, >= 1].
        decay_steps: ``D``, the falling part [steps, >= 0]; ``None`` is as long as the rise.
        init_value: value at the start of every cycle.
        cycle_decay: factor of each cycle's height [>= 0, <= 1].
        gamma: factor of the height for each step [>= 0, <= 1].

    Raises:
        ValueError: a field is out of bounds.

    Source:
        Smith 2015, arXiv:1506.01186; ``torch.optim.lr_scheduler.CyclicLR``.

    >>> s = Cyclic(peak_value=0.006, init_value=0.001, warmup_steps=100, cycle_decay=0.5)
    >>> [round(s(t), 6) for t in (0, 50, 100, 200, 250, 300)]
    [0.001, 0.0035, 0.006, 0.001, 0.00225, 0.0035]
    """

    peak_value: Value
    warmup_steps: OneOrMoreSteps
    decay_steps: Steps | None = None
    init_value: Value = percent(10)
    cycle_decay: Part = 1.0
    gamma: Part = 1.0

    def __post_init__(self) -> None:
        settle(self)

    @property
    def _fall(self) -> int:
        return self.warmup_steps if self.decay_steps is None else self.decay_steps

    def __call__(self, step: Number) -> Number:
        step = at_least(step, 0.0)
        length = self.warmup_steps + self._fall
        cycle = floor(step / length)
        inside = at_least(step - cycle * length, 0.0)  # a hair before a cycle, floor may round up into it
        part = inside / self.warmup_steps
        if self._fall:
            part = at_most(part, 1.0) - at_least(inside - self.warmup_steps, 0.0) / self._fall
        if self.cycle_decay != 1.0:
            part = part * self.cycle_decay**cycle
        if self.gamma != 1.0:
            part = part * self.gamma**step
        return self.init_value * (1.0 - part) + self.peak_value * part

    def knots(self, stop: int, start: int = 0) -> Iterable[int]:
        for first in (0, self.warmup_steps):
            yield from regular(first, self.warmup_steps + self._fall, start, stop)
