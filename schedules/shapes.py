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

from .elementwise import Number, cos, sqrt
from .names import Names

Curve = Callable[[Any], Any]


@dataclass(frozen=True)
class Shape:
    """One curve: the fraction left, and the scale on which values are mixed by it."""

    left: Curve
    mix: Callable[[float, float, Any], Any]


def _on_values(start: float, end: float, left: Number) -> Number:
    return end + (start - end) * left


def _on_logarithms(start: float, end: float, left: Number) -> Number:
    """Mix on the log scale: every step multiplies by the same factor."""
    return start**left * end ** (1.0 - left)


def _on_reciprocals(start: float, end: float, left: Number) -> Number:
    """Mix on the scale of 1/value."""
    return start * end / (end * left + start * (1.0 - left))


SHAPES: Names[Shape] = Names("shape")
POSITIVE_ENDS = ("exponential", "inverse")  # a logarithm and a reciprocal need both ends > 0


def shape(left: Curve, mix: Callable[[float, float, Any], Any] = _on_values) -> Curve:
    """Register a curve under its function's name."""
    SHAPES.add(left.__name__, Shape(left, mix))
    return left


@shape
def linear(u: Number) -> Number:
    """1 - u."""
    return 1.0 - u


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
def constant(u: Number) -> Number:
    """1, then 0 when the phase is over: a warm-up of this shape waits at its first value."""
    return np.where(u < 1.0, 1.0, 0.0) if isinstance(u, np.ndarray) else float(u < 1.0)


def exponential(u: Number) -> Number:
    """Straight on the log scale, ``start^(1-u) end^u``; both ends must be > 0. arXiv:2405.18392."""
    return 1.0 - u


def inverse(u: Number) -> Number:
    """Straight on the scale of 1/value; both ends must be > 0. WSD-S, arXiv:2410.05192."""
    return 1.0 - u


shape(exponential, _on_logarithms)
shape(inverse, _on_reciprocals)


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
    mixed = form.mix(start, end, left)
    if isinstance(u, np.ndarray):
        return np.where(u >= 1.0, end, np.where(u <= 0.0, start, mixed))
    return end if u >= 1.0 else start if u <= 0.0 else mixed


def rising(start: float, end: float, u: Number, shape: str) -> Number:
    """Return the value of a warm-up from ``start`` to ``end``: the shape run backwards."""
    return between(end, start, 1.0 - u, shape)
