"""A schedule's beginning, again and again."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ..cycles import Starts
from ..elementwise import Number, at_least, at_most
from ..fields import Count, OneOrMoreSteps, PositiveRatio, Ratio, settle
from ..registry import register_combinator
from ..schedule import Schedule, evaluate, knots


@register_combinator("repeat")
@dataclass(frozen=True, kw_only=True)
class Repeat:
    """The first ``cycle_steps`` of a schedule, again and again; a longer cycle reads it more slowly::

        T_i = max(1, floor(cycle_steps * cycle_mult ^ i))        S_i = T_0 + ... + T_(i-1)
        v(t) = cycle_decay ^ i * schedule((t - S_i) * cycle_steps / T_i)        S_i <= t < S_(i+1)

    The starts are whole numbers added up exactly. After the last cycle its end holds.

    Attributes:
        schedule: what is repeated.
        cycle_steps: length of the first cycle [steps, >= 1].
        cycles: how many there are; ``None`` goes on for ever.
        cycle_mult: factor of each cycle's length [> 0].
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
    cycle_mult: PositiveRatio = 1.0
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

    def knots(self, stop: int, start: int = 0) -> Iterable[int]:
        inner = (*knots(self.schedule, self.cycle_steps), self.cycle_steps)
        for begin, length in self._starts.spans(start, stop):
            yield begin
            # the first whole step at or after the stretched knot
            yield from (begin - (-k * length // self.cycle_steps) for k in inner)

    def planned_steps(self) -> int | None:
        return self._starts.end()


def repeat(
    schedule: Schedule, cycle_steps: int, times: int | None = None, mult: float = 1.0, decay: float = 1.0
) -> Repeat:
    """Return the schedule's first ``cycle_steps`` repeated; see :class:`Repeat`.

    Args:
        schedule: what is repeated.
        cycle_steps: length of the first cycle [steps, >= 1].
        times: how many cycles; ``None`` goes on for ever.
        mult: factor of each cycle's length [> 0]; below 1, cycles get shorter.
        decay: factor of each cycle's values [>= 0].
    """
    return Repeat(
        schedule=schedule, cycle_steps=cycle_steps, cycles=times, cycle_mult=mult, cycle_decay=decay
    )
