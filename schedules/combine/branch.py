"""One decay from any step of a schedule: the end of a run, or a branch of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from ..elementwise import Number, piecewise, progress
from ..fields import OneOrMoreSteps, PositiveRatio, ShapeName, Steps, Value, check_shape_ends, settle
from ..registry import register_combinator
from ..schedule import Schedule, evaluate, knots
from ..shapes import between
from ..units import Horizon
from ..units import steps as in_steps
from ..units import value as as_value


@register_combinator("cooldown")
@dataclass(frozen=True, kw_only=True)
class Cooldown:
    """A schedule up to a step, then one decay from the value that it has there.

    With ``a = at``, ``D = decay_steps`` and shape ``s``::

        v(t) = schedule(t)                                         t < a
             = end + (schedule(a) - end) * s((t - a) / D) ^ power    a <= t < a + D
             = end                                             a + D <= t

    Attributes:
        schedule: what ran so far, and where this came from.
        at: the step reached, the first of the decay [steps, >= 0].
        decay_steps: ``D`` [steps, >= 1].
        end_value: value from step ``a + D`` on.
        decay_shape: ``s``, a name in ``SHAPES``.
        power: exponent of the fraction left [> 0].

    Raises:
        ValueError: a field is out of bounds, or the shape needs values > 0.

    Source:
        Hägele et al. 2024, arXiv:2405.18392: many cooldowns from one trunk.
    """

    schedule: Schedule
    at: Steps
    decay_steps: OneOrMoreSteps
    end_value: Value = 0.0
    decay_shape: ShapeName = "linear"
    power: PositiveRatio = 1.0

    def __post_init__(self) -> None:
        settle(self)
        check_shape_ends(
            self.decay_shape, **{"the value at step at": self.start_value, "end_value": self.end_value}
        )

    @cached_property
    def start_value(self) -> float:
        """The value at step ``at``, where the decay begins."""
        return float(self.schedule(self.at))

    def __call__(self, step: Number) -> Number:
        return piecewise(step, (self.at,), (self._so_far, self._decay))

    def _so_far(self, step: Number) -> Number:
        return evaluate(self.schedule, step)

    def _decay(self, step: Number) -> Number:
        u = progress(step - self.at, self.decay_steps)
        return between(self.start_value, self.end_value, u, self.decay_shape, self.power)

    def knots(self, stop: int, start: int = 0) -> Iterable[int]:
        return (*knots(self.schedule, min(self.at, stop), start), self.at, self.at + self.decay_steps)

    def planned_steps(self) -> int | None:
        return self.at + self.decay_steps


def cooldown(
    schedule: Schedule,
    *,
    at: int,
    over: int,
    shape: str = "linear",
    end_value: float | str = 0.0,
    power: float = 1.0,
) -> Cooldown:
    """Return the schedule up to step ``at``, then a decay over ``over`` steps from the value there.

    Args:
        schedule: the schedule of the run so far: any, also one whose plan has ended.
        at: the step reached [steps, >= 0].
        over: length of the decay [steps, >= 1].
        shape: a name in ``SHAPES``.
        end_value: where it ends; ``"10%"`` is that part of the value at ``at``.
        power: exponent of the fraction left [> 0].

    >>> from schedules import Constant
    >>> branch = cooldown(Constant(peak_value=1.0), at=80, over=20, shape="one_minus_sqrt")
    >>> branch(79), branch(80), branch(85), branch(100)
    (1.0, 1.0, 0.5, 0.0)
    """
    begin = in_steps(at, Horizon(), "at")
    end = as_value(end_value, float(schedule(begin)), "end_value")
    return Cooldown(
        schedule=schedule, at=begin, decay_steps=over, end_value=end, decay_shape=shape, power=power
    )
