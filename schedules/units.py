"""Lengths and values as people write them: ``"5%"``, ``"3ep"``, ``"40ba"``, ``"2e6ex"``, ``"1e9tok"``.

Inside the library a length is a whole number of steps and a value is a float; this module is the one
place that translates. Arithmetic is exact (rational numbers), so ``"30%"`` of 10 steps is 3 and never 2.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from fractions import Fraction
from numbers import Integral, Real
from typing import Any

_QUANTITY = re.compile(r"\s*(\d+(?:\.\d*)?(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?)\s*(%|ep|ba|ex|tok)\s*")

LONGEST = 2**53
"""The longest length [steps]: beyond it, floats do not tell two steps apart."""

_FORMS = "a whole number of steps, or a text as '5%', '3ep', '40ba', '2e6ex', '1e9tok'"


@dataclass(frozen=True, kw_only=True)
class Horizon:
    """What a run's lengths are measured against.

    Attributes:
        total_steps: optimizer updates in the run [steps, >= 1]; ``"5%"`` is a part of it.
        steps_per_epoch: updates in one pass over the data [steps, >= 1]; ``"3ep"`` needs it.
        examples_per_step: examples that one update sees [examples, >= 1]; ``"2e6ex"`` needs it.
        tokens_per_step: tokens that one update sees [tokens, >= 1]; ``"1e9tok"`` needs it.

    Raises:
        ValueError: an attribute is not a whole number >= 1.
    """

    total_steps: int | None = None
    steps_per_epoch: int | None = None
    examples_per_step: int | None = None
    tokens_per_step: int | None = None

    def __post_init__(self) -> None:
        for name, value in list(vars(self).items()):
            if value is None:
                continue
            object.__setattr__(self, name, whole(value, name, low=1))

    def one(self, unit: str) -> Fraction:
        """Return how many steps one of ``unit`` is; raise ``ValueError`` where the run does not say."""
        needed = _NEEDED[unit]
        known = getattr(self, needed) if needed else 1
        if known is None:
            raise LookupError(needed)
        if unit == "%":
            return Fraction(known, 100)
        return Fraction(known) if unit in ("ep", "ba") else 1 / Fraction(known)


_NEEDED = {
    "%": "total_steps",
    "ep": "steps_per_epoch",
    "ba": "",
    "ex": "examples_per_step",
    "tok": "tokens_per_step",
}


def steps(length: object, horizon: Horizon, field: str = "length") -> int:
    """Return ``length`` in whole steps.

    Args:
        length: a whole number of steps, or a text: ``"5%"`` of the run, ``"3ep"`` epochs, ``"40ba"``
            steps (batches), ``"2e6ex"`` examples, ``"1e9tok"`` tokens.
        horizon: what the run's units are worth.
        field: the name that an error speaks of.

    Returns:
        The whole steps that fit: ``"5%"`` of 999 steps is 49. Parts that add up to 100 % therefore
        never exceed the run.

    Raises:
        ValueError: the length has another form, or the horizon lacks what its unit needs.

    >>> steps("5%", Horizon(total_steps=1000)), steps("1.5ep", Horizon(steps_per_epoch=10))
    (50, 15)
    """
    if isinstance(length, str):
        match = _QUANTITY.fullmatch(length)
        if match is None:
            raise ValueError(f"{field} must be {_FORMS}, got {length!r}")
        number, unit = match.groups()
        try:
            return _not_too_long(math.floor(Fraction(number) * horizon.one(unit)), length, field)
        except LookupError as missing:
            raise ValueError(
                f"{field} = {length!r} needs {missing.args[0]}, which is not known here"
            ) from None
    number = _whole(length)
    if number is None:
        raise ValueError(f"{field} must be {_FORMS}, got {length!r}")
    return _not_too_long(number, length, field)


def plain(given: Any) -> Any:
    """Return the number in an array or a tensor without dimensions; anything else as it is."""
    return given.item() if getattr(given, "shape", None) == () and hasattr(given, "item") else given


def whole(given: object, field: str, low: float = -math.inf) -> int:
    """Return a whole number of any kind (``100.0``, numpy's, a tensor without dimensions) as an ``int``.

    Raises:
        ValueError: it is none, it is below ``low``, or it is too large to be a number of steps.

    >>> whole(1e4, "stop")
    10000
    """
    number = _whole(given)
    if number is None or number < low:
        rule = "a whole number" if low == -math.inf else f"a whole number >= {low:g}"
        raise ValueError(f"{field} must be {rule}, got {given!r}")
    return _not_too_long(number, given, field)


def _whole(given: object) -> int | None:
    number = plain(given)
    if isinstance(number, float) and number.is_integer():
        return int(number)
    return None if isinstance(number, bool) or not isinstance(number, Integral) else int(number)


def _not_too_long(steps: int, said: object, field: str) -> int:
    if steps > LONGEST:
        raise ValueError(f"{field} must be a whole number <= 2^53, got {shortened(said)}")
    return steps


def shortened(said: object) -> str:
    """Return how a value prints, a number of hundreds of digits by its first ones."""
    if isinstance(said, int) and abs(said) > LONGEST:
        digits = str(abs(said))  # Python refuses to print more than 4300 of them
        return f"{'-' if said < 0 else ''}{digits[0]}.{digits[1:4]}e{len(digits) - 1}"
    return repr(said)


def is_finite(number: object) -> bool:
    """Whether this is a number (true and false are none) that a float can hold."""
    if isinstance(number, bool) or not isinstance(number, Real):
        return False
    try:
        return math.isfinite(number)
    except OverflowError:
        return False


def value(amount: object, peak_value: float | None, field: str = "value") -> float:
    """Return ``amount`` as a float; ``"10%"`` is that part of ``peak_value``.

    Raises:
        ValueError: not a finite number, not a percentage, or a percentage without a peak.

    >>> value("10%", 0.5), value(3, None)
    (0.05, 3.0)
    """
    if isinstance(amount, str):
        match = _QUANTITY.fullmatch(amount)
        if match is None or match.group(2) != "%":
            raise ValueError(f"{field} must be a number or a part of the peak as '10%', got {amount!r}")
        if peak_value is None:
            raise ValueError(f"{field} = {amount!r} needs a peak_value, and this schedule has none")
        try:
            return float(Fraction(match.group(1)) * Fraction(peak_value) / 100)
        except OverflowError:
            raise ValueError(f"{field} must be a finite number, got {amount!r}") from None
    number = plain(amount)
    if not isinstance(number, Real) or not is_finite(number):
        raise ValueError(f"{field} must be a finite number, got {shortened(amount)}")
    return float(number)
