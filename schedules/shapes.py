"""How a phase goes from one value to another: named curves from 1 to 0.

A shape maps progress ``u`` in [0, 1] to the fraction of the way that is left: ``s(0) = 1``, ``s(1) = 0``.
A cooldown follows it forwards, a warm-up is the same curve run backwards (``s(1 - u)``). To add one, write
its formula under ``@shape``; it then works in every schedule that takes ``decay_shape`` or ``warmup_shape``.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from .elementwise import Number, at_least, at_most, cos, log, progress, sqrt
from .names import Names

Curve = Callable[[Any], Any]


@dataclass(frozen=True)
class Shape:
    """One curve, as a cooldown and as a warm-up, and the scale on which values are mixed by it.

    Attributes:
        left: the fraction left at progress ``u``, from 1 to 0.
        rise: the fraction gained by a warm-up at ``u``, from 0 to 1: ``left(1 - u)``.
        mix: ``(start, end, left)`` to a value.
    """

    left: Curve
    rise: Curve
    mix: Callable[[float, float, Any], Any]


def _on_values(start: float, end: float, left: Number) -> Number:
    return end + (start - end) * left


def _on_logarithms(start: float, end: float, left: Number) -> Number:
    """Mix on the log scale: every step multiplies by the same factor."""
    return start**left * end ** (1.0 - left)


def _on_reciprocals(start: float, end: float, left: Number) -> Number:
    """Mix on the scale of 1/value. A phase of no steps may stand at 0, which has no reciprocal."""
    if start == end:
        return start + 0.0 * left
    return start * end / (end * left + start * (1.0 - left))


SHAPES: Names[Shape] = Names("shape")
POSITIVE_ENDS = ("exponential", "inverse")  # a logarithm and a reciprocal need both ends > 0


def shape(
    left: Curve, mix: Callable[[float, float, Any], Any] = _on_values, rise: Curve | None = None
) -> Curve:
    """Register a curve under its function's name.

    Args:
        left: the fraction left at progress ``u``; ``left(0) = 1``, ``left(1) = 0``.
        mix: how values are mixed by it.
        rise: ``left(1 - u)`` where it can be written without loss of digits.
    """
    SHAPES.add(left.__name__, Shape(left, rise or (lambda u: left(1.0 - u)), mix))
    return left


def linear(u: Number) -> Number:
    """1 - u."""
    return 1.0 - u


def _done(u: Number) -> Number:
    return u


shape(linear, rise=_done)


@shape
def cosine(u: Number) -> Number:
    """(1 + cos(pi u)) / 2. Loshchilov & Hutter 2016, arXiv:1608.03983."""
    return 0.5 * (1.0 + cos(math.pi * u))


@shape
def one_minus_sqrt(u: Number) -> Number:
    """1 - sqrt(u): the best cooldown of Hägele et al. 2024, arXiv:2405.18392."""
    return 1.0 - sqrt(u)


@shape
def square(u: Number) -> Number:
    """1 - u^2. Hägele et al. 2024, arXiv:2405.18392."""
    return 1.0 - u * u


@shape
def mirror_cosine(u: Number) -> Number:
    """2 (1 - u) - (1 + cos(pi u)) / 2: cosine reflected in the straight line. arXiv:2405.18392."""
    return 2.0 * (1.0 - u) - cosine(u)


@shape
def rex(u: Number) -> Number:
    """(1 - u) / (1/2 + (1 - u) / 2). REX, Chen et al. 2021, arXiv:2107.04197."""
    return (1.0 - u) / (1.0 - 0.5 * u)


def constant(u: Any) -> Any:
    """1, then 0 when the phase is over: a phase of this shape, up or down, waits at its first value."""
    return (u < 1.0) * 1.0


def _arrived(u: Any) -> Any:
    return (u >= 1.0) * 1.0


shape(constant, rise=_arrived)


def exponential(u: Number) -> Number:
    """Straight on the log scale, ``start^(1-u) end^u``; both ends must be > 0. arXiv:2405.18392."""
    return 1.0 - u


def inverse(u: Number) -> Number:
    """Straight on the scale of 1/value; both ends must be > 0. WSD-S, arXiv:2410.05192."""
    return 1.0 - u


shape(exponential, _on_logarithms, _done)
shape(inverse, _on_reciprocals, _done)


def between(start: float, end: float, u: Number, shape: str, power: float = 1.0) -> Number:
    """Return the value on the way from ``start`` to ``end`` at progress ``u``.

    Args:
        start: value at ``u = 0``.
        end: value at ``u = 1``.
        u: progress in [0, 1], a number or an array.
        shape: a name in ``SHAPES``.
        power: exponent of the fraction left; a straight line with power p is ``(1 - u)^p``.

    Returns:
        ``mix(start, end, shape(u)^power)``; both ends exact whatever the rounding inside.
    """
    form = SHAPES[shape]
    left = form.left(u)
    if power != 1.0:
        left = left**power
    return _ends_exact(start, end, u, form.mix(start, end, left))


def rising(start: float, end: float, u: Number, shape: str) -> Number:
    """Return the value of a warm-up from ``start`` to ``end``: the shape run backwards."""
    form = SHAPES[shape]
    return _ends_exact(start, end, u, form.mix(end, start, form.rise(u)))


LOGARITHMIC = "logarithmic"
"""The name of a warm-up that no shape can say: it is at its end one step early, whatever its length."""


def warming(start: float, end: float, step: Number, length: int, shape: str) -> Number:
    """Return the value of a warm-up of ``length`` steps at a step counted from its beginning.

    The shape is run backwards; ``logarithmic`` gains ``log(step + 1) / log(length)``, as DeepSpeed's.

    >>> [warming(0.0, 1.0, step, 4, "logarithmic") for step in (0, 1, 3, 4)]
    [0.0, 0.5, 1.0, 1.0]
    """
    if shape != LOGARITHMIC or not length:
        return rising(start, end, progress(step, length), shape)
    gained = log(at_least(step, 0.0) + 1.0) / math.log(max(2, length))
    return rising(start, end, at_most(gained, 1.0), "linear")


def warmup_knots(length: int, shape: str) -> tuple[int, ...]:
    """Return the steps at which a warm-up is over."""
    return (length - 1, length) if shape == LOGARITHMIC else (length,)


def first_value(peak: float, warmup_steps: int, init: float | None = None) -> float:
    """Return where a warm-up starts: at what was stated, else at a step's part of the way from 0.

    That is ``peak / (warmup_steps + 1)``: the first update moves, and each later one adds as much.
    """
    return peak / (warmup_steps + 1) if init is None else init


def _ends_exact(start: float, end: float, u: Number, mixed: Number) -> Number:
    if isinstance(mixed, np.ndarray):  # made by mix, so it may be written to; masks cost less than np.where
        mixed[u <= 0.0] = start
        mixed[u >= 1.0] = end
        return mixed
    return end if u >= 1.0 else start if u <= 0.0 else mixed
