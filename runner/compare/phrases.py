"""How arms, losses and intervals are named in sentences."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ..words import listed


def label(arm: str, rate: float | None) -> str:
    """Name an arm at a rate as its runs are named: ``cosine lr=0.1``."""
    return arm if rate is None else f"{arm} lr={rate:g}"


def every(arms: Sequence[str], of: Sequence[object]) -> str:
    """Name some arms, or all of them by one word."""
    return "every schedule" if 1 < len(arms) == len(of) else listed(arms)


def figure(value: float) -> str:
    """Write a loss with four significant digits."""
    return f"{value:#.4g}".rstrip(".")


def short(value: float) -> str:
    """Write a difference or its error with two significant digits."""
    return f"{value:#.2g}".rstrip(".")


def at_most(bound: float) -> str:
    """Write an upper bound with two significant digits, rounded up.

    >>> at_most(0.01577), at_most(0.5)
    ('0.016', '0.50')
    """
    digits = 1 - math.floor(math.log10(bound)) if bound > 0 else 0
    up = math.ceil(bound * 10.0**digits - 1e-9) / 10.0**digits
    return f"{up:#.2g}".rstrip(".")
