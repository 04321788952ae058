"""The few functions that formulas need, for one number or for an array of them.

A schedule's formula is written once and answers both ``s(10)`` and ``s(np.arange(1000))``. A plain
number goes through :mod:`math` (fast: no array is made), an array through numpy. The two agree to the
last bit or the one before it.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Sequence
from numbers import Integral, Real
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from .units import plain

FloatArray = NDArray[np.float64]

Number = TypeVar("Number", float, FloatArray)
"""A step or a value: one ``float``, or an array of them. What goes in comes out."""


def plain_step(step: Any) -> Any:
    """Return a step as a plain number, or an array of steps as float64: formulas subtract and divide.

    Args:
        step: a number of any kind (Python's, numpy's, a tensor without dimensions), or a numpy array of
            whole or floating numbers; one without dimensions is a number.

    Returns:
        An ``int`` where the step is of a whole kind, else a ``float``; or a float64 array, in its shape.

    Raises:
        TypeError: it is no number (true and false are none either), and no array of numbers.
    """
    if isinstance(step, np.ndarray):
        if step.dtype.kind not in "iuf":
            raise TypeError(f"step must be a number or an array of numbers, got an array of {step.dtype}")
        if step.ndim:
            return step.astype(np.float64, copy=False)
    step = plain(step)
    if isinstance(step, bool) or not isinstance(step, Real):
        kind = type(step).__name__
        raise TypeError(f"step must be a number or an array of numbers (numpy's), got {step!r} ({kind})")
    return int(step) if isinstance(step, Integral) else float(step)


def cos(x: Number) -> Number:
    """Cosine of ``x`` [radians]."""
    return np.cos(x) if isinstance(x, np.ndarray) else math.cos(x)


def exp(x: Number) -> Number:
    """``e**x``."""
    return np.exp(x) if isinstance(x, np.ndarray) else math.exp(x)


def log(x: Number) -> Number:
    """Natural logarithm of ``x > 0``."""
    return np.log(x) if isinstance(x, np.ndarray) else math.log(x)


def tanh(x: Number) -> Number:
    """Hyperbolic tangent of ``x``."""
    return np.tanh(x) if isinstance(x, np.ndarray) else math.tanh(x)


def sqrt(x: Number) -> Number:
    """Square root of ``x >= 0``."""
    return np.sqrt(x) if isinstance(x, np.ndarray) else math.sqrt(x)


def floor(x: Number) -> Number:
    """The largest whole number ``<= x``, as a float."""
    return np.floor(x) if isinstance(x, np.ndarray) else float(math.floor(x))


def at_least(x: Number, low: float) -> Number:
    """``max(x, low)``."""
    return np.maximum(x, low) if isinstance(x, np.ndarray) else max(x, low)


def at_most(x: Number, high: float) -> Number:
    """``min(x, high)``."""
    return np.minimum(x, high) if isinstance(x, np.ndarray) else min(x, high)


def power(base: Any, exponent: Any) -> Any:
    """``base ** exponent`` for ``base >= 0``; 0 where a positive number is too small for a float."""
    return base**exponent


def progress(step: Number, length: float) -> Number:
    """How much of a phase is done: ``step / length`` held inside [0, 1]; a phase without length is done."""
    if isinstance(step, np.ndarray):
        return np.clip(step / length, 0.0, 1.0) if length > 0 else np.ones(step.shape)
    if step >= length or length <= 0:
        return 1.0
    return step / length if step > 0 else 0.0


def piecewise(step: Number, boundaries: Sequence[float], branches: Sequence[Callable[[Any], Any]]) -> Number:
    """Apply ``branches[i]`` where ``boundaries[i - 1] <= step < boundaries[i]``.

    Args:
        step: one step, or an array of any shape; before 0 it counts as 0: the first value holds there.
        boundaries: ``len(branches) - 1`` steps >= 0, not falling; an interval of no length is never entered.
        branches: functions of the step, each called only with steps of its own interval.

    Returns:
        The branch's value, in the shape of ``step``.
    """
    if not isinstance(step, np.ndarray):
        step = step if step > 0 else 0.0
        return branches[bisect_right(boundaries, step)](step)
    step = np.maximum(step, 0.0)
    result = np.empty(step.shape)
    if step.ndim == 1 and bool(np.all(step[1:] >= step[:-1])):  # a whole run: cut it, no masks
        cuts = [0, *np.searchsorted(step, boundaries, side="left"), len(step)]
        for branch, start, stop in zip(branches, cuts, cuts[1:], strict=False):
            if start < stop:
                result[start:stop] = branch(step[start:stop])
        return result
    index = np.searchsorted(np.asarray(boundaries, dtype=float), step, side="right")
    for i, branch in enumerate(branches):
        here = index == i
        if here.any():
            result[here] = branch(step[here])
    return result
