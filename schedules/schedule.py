"""What a schedule is: a pure function of the step."""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

import numpy as np

from .elementwise import FloatArray, Number
from .units import whole


@runtime_checkable
class Schedule(Protocol):
    """A pure map from the step to the value of one hyper-parameter.

    ``step`` counts the optimizer updates already finished: the first update sees 0, the last
    ``total_steps - 1``. Before 0 and after its end a schedule holds its first and its last value.
    Any function of that form is a schedule; the registered ones are frozen dataclasses, which also take
    an array of steps, compare equal, pickle, and print as the code that rebuilds them.
    """

    def __call__(self, step: Any, /) -> Any: ...


def evaluate(schedule: Callable[[Any], Any], step: Number) -> Number:
    """Return ``schedule(step)``, also for an array of steps given to a function that takes only one."""
    if isinstance(step, np.ndarray) and not getattr(type(schedule), "takes_arrays", False):
        return np.array([schedule(t) for t in step.ravel().tolist()], dtype=float).reshape(step.shape)
    return schedule(step)


_CHUNK = 16_384  # steps evaluated at once: what a formula makes on the way stays in the processor's cache


def values(schedule: Callable[[Any], Any], total_steps: int, start: int = 0) -> FloatArray:
    """Return ``[v(start), ..., v(total_steps - 1)]`` as float64, shape ``(total_steps - start,)``.

    Registered schedules are evaluated on arrays of steps; a plain function is called step by step.

    >>> values(lambda step: 0.1 * step, 3).tolist()
    [0.0, 0.1, 0.2]
    """
    total_steps, start = whole(total_steps, "total_steps"), whole(start, "start")
    result = np.empty(max(total_steps - start, 0))
    for first in range(start, total_steps, _CHUNK):
        stop = min(first + _CHUNK, total_steps)
        result[first - start : stop - start] = evaluate(schedule, np.arange(first, stop, dtype=np.float64))
    return result


def knots(schedule: object, stop: int, start: int = 0) -> tuple[int, ...]:
    """Return the steps in ``(start, stop]`` where the schedule's formula changes; none for a plain function.

    A class answers with a method ``knots(stop)``; one whose knots have no end with ``knots(stop, start=0)``,
    so that those far ahead are found without all that come before them.
    """
    own = getattr(schedule, "knots", None)
    if own is None:
        return ()
    cls: Any = type(schedule)
    found = own(stop, start) if _knows_start(cls) else own(stop)
    return tuple(sorted({k for k in found if start < k <= stop}))


@functools.cache
def _knows_start(cls: Any) -> bool:
    return "start" in inspect.signature(cls.knots).parameters


def regular(first: int, period: int, start: int, stop: int) -> range:
    """Return the steps ``first``, ``first + period``, ... up to ``stop``, from about ``start`` on."""
    return range(first + max(0, (start - first) // period) * period, stop + 1, period)


def planned_steps(schedule: object) -> int | None:
    """Return the step at which the schedule has come to its planned end; ``None`` where none is planned.

    That is its ``total_steps``, where the last of its ``cycles`` ends, or the end of the one schedule that
    it is made around; where neither is so, a class answers with a method of this name.
    """
    own = getattr(schedule, "planned_steps", None)
    if own is not None:
        return own()
    if getattr(schedule, "cycles", None) is not None:
        return max(knots(schedule, sys.maxsize), default=None)
    total_steps, inner = getattr(schedule, "total_steps", None), getattr(schedule, "schedule", None)
    return planned_steps(inner) if total_steps is None and inner is not None else total_steps
