"""Change the plan of a run that is already going: more steps, or a cooldown from here.

Both keep every value before the step reached, to the bit, and don't jump there. Neither forgets: the
result holds the schedule that it came from as a field, so repr, spec and :func:`lineage` show it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ..elementwise import Number, at_most, piecewise
from ..fields import OneOrMoreSteps, Steps, settle
from ..registry import register_combinator
from ..schedule import Schedule, evaluate, knots, planned_steps, values
from ..tree import is_registered, nodes
from .algebra import Product, Sum
from .branch import Cooldown
from .compose import Join, Shift


@register_combinator("extend")
@dataclass(frozen=True, kw_only=True)
class Extend:
    """A schedule up to a step, then what is left of its plan made to end later. See :func:`extend`.

    With ``a = at``, the old end ``T`` and the new one ``U = total_steps``::

        v(t) = schedule(t)                                         t < a
             = longer(t)    where the longer plan agrees so far, else
             = schedule(a + (t - a) * (T - a) / (U - a))       a <= t < U
             = schedule(T)                                     U <= t

    Attributes:
        schedule: what ran so far, and where this came from; it has a planned end.
        total_steps: the new end [steps, > the old one].
        at: the step reached [steps, >= 0].

    Raises:
        ValueError: there is no planned end, the new one is not later, or every way on would jump.
    """

    schedule: Schedule
    total_steps: OneOrMoreSteps
    at: Steps

    def __post_init__(self) -> None:
        settle(self)
        end = planned_steps(self.schedule)
        if end is None:
            raise ValueError(f"schedule must have a planned end, got {self.schedule!r}")
        if self.total_steps <= max(end, self.at):
            raise ValueError(
                f"total_steps must be > {max(end, self.at)}, the old end or the step reached, "
                f"got {self.total_steps}"
            )
        if self.longer is None and self.at >= end:
            raise ValueError(
                f"at must be before the end of the schedule, step {end}, got {self.at}: nothing of it is "
                f"left to run, and starting again would jump from {self.schedule(self.at):g}; extend from "
                "an earlier checkpoint, or join a new warm-up"
            )

    @cached_property
    def longer(self) -> Any | None:
        """The same plan with the new end, if it has the same values up to ``at``; else ``None``."""
        plan = _with_end(self.schedule, self.total_steps)
        if plan is None:
            return None
        same = np.array_equal(values(plan, self.at + 1), values(self.schedule, self.at + 1))
        return plan if same else None

    def __call__(self, step: Number) -> Number:
        return piecewise(step, (self.at,), (self._so_far, self._rest))

    def _so_far(self, step: Number) -> Number:
        return evaluate(self.schedule, step)

    def _rest(self, step: Number) -> Number:
        if self.longer is not None:
            return evaluate(self.longer, step)
        left = self._end - self.at
        return evaluate(
            self.schedule, self.at + at_most((step - self.at) * left / (self.total_steps - self.at), left)
        )

    @cached_property
    def _end(self) -> int:
        end = planned_steps(self.schedule)
        assert end is not None  # __post_init__ looked
        return end

    def knots(self, stop: int, start: int = 0) -> Iterable[int]:
        yield from (*knots(self.schedule, min(self.at, stop), start), self.at)
        if self.longer is not None:
            yield from knots(self.longer, stop, max(start, self.at))
            return
        old, new = self._end - self.at, self.total_steps - self.at
        begin = self.at + max(0, (start - self.at) * old // new - 1)
        after = (k - self.at for k in knots(self.schedule, self._end, begin))
        yield from (self.at - (-k * new // old) for k in after)  # the first whole step at or after it
        yield self.total_steps


def _with_end(schedule: Any, end: int) -> Any | None:
    """Return the same plan with its end at another step, ``None`` where its fields cannot say that."""
    match schedule:
        case Join(parts=(*before, last), boundaries=boundaries):
            moved = [*before, _with_end(last, end - (0, *boundaries)[-1])]
            changes: dict[str, Any] = {"parts": tuple(moved)}
        case Product(factors=factors):
            moved = _together(schedule, factors, end)
            changes = {"factors": tuple(moved)}
        case Sum(terms=terms):
            moved = _together(schedule, terms, end)
            changes = {"terms": tuple(moved)}
        case Cooldown(schedule=trunk) if planned_steps(trunk) is None:
            moved, changes = [], {"at": end - schedule.decay_steps}
        case _ if hasattr(schedule, "ending_at"):
            return schedule.ending_at(end)
        case _ if hasattr(schedule, "total_steps"):
            moved, changes = [], {"total_steps": end}
        case _:
            ahead = schedule.by if isinstance(schedule, Shift) else 0
            inner = getattr(schedule, "schedule", None)
            moved = [None if inner is None else _with_end(inner, int((end + ahead) // 1))]
            changes = {"schedule": moved[0]}
    if None in moved:
        return None
    try:
        plan = dataclasses.replace(schedule, **changes)
    except ValueError:
        return None
    return plan if (planned_steps(plan) or 0) >= end else None


def _together(schedule: Any, parts: tuple[Any, ...], end: int) -> list[Any]:
    """Return parts on one clock, those that end last with their end at another step."""
    last = planned_steps(schedule)
    return [_with_end(part, end) if planned_steps(part) == last else part for part in parts]


def extend(schedule: Schedule, *, total_steps: int, at: int) -> Any:
    """Return the schedule of a run that is at step ``at`` and shall now go on to ``total_steps``.

    Values before ``at`` stay, to the bit, and there is no jump at ``at``. What comes after:

    - **The flat stretch grows** where the same plan with a later end has the same values so far: ``wsd``
      up to the start of its decay; ``onecycle``, and anything with a warm-up, up to its peak; a
      :class:`Cooldown` of an endless schedule that has not begun.
    - **The rest is stretched** where it has not ended: ``linear``, ``cosine``, ``polynomial`` after their
      start, any decay that has begun. It takes the values that were still to come, more slowly.
    - **Refused** where it has ended: what comes next would jump.
    - A schedule without a planned end (``constant``, ``step``, ``exponential``, ...) goes on by itself and
      is returned as it is.

    Args:
        schedule: the schedule of the run so far.
        total_steps: the new end [steps, > the old one].
        at: the step reached: updates finished, and at which the run goes on [steps, >= 0].

    Raises:
        ValueError: the schedule is a plain function or is made of one, the end is not later, or every way
            on would jump.

    >>> from schedules import WarmupStableDecay
    >>> s = WarmupStableDecay(total_steps=100, peak_value=1.0, decay_steps=20)
    >>> longer = extend(s, total_steps=200, at=60)
    >>> longer(100), longer(180), longer(190), longer(200)
    (1.0, 1.0, 0.5, 0.0)
    """
    if not is_registered(schedule):
        raise ValueError(f"schedule must be a registered schedule, which knows its end, got {schedule!r}")
    if planned_steps(schedule) is None:
        for node, _ in nodes(schedule):
            if not getattr(node, "is_known", is_registered(node)):
                raise ValueError(
                    f"schedule must be made of registered schedules, whose end is known, got {node!r} in it; "
                    "a plain function of the step is made longer by its own author"
                )
        return schedule
    return Extend(schedule=schedule, total_steps=total_steps, at=at)


def lineage(schedule: Schedule) -> tuple[Schedule, ...]:
    """Return the schedule and those that it came from by :func:`extend` and :func:`cooldown`, newest first.

    >>> from schedules import Constant, cooldown
    >>> trunk = Constant(peak_value=1.0)
    >>> lineage(cooldown(trunk, at=80, over=20))[-1] == trunk
    True
    """
    line = [schedule]
    while isinstance(line[-1], (Cooldown, Extend)):
        line.append(line[-1].schedule)
    return tuple(line)
