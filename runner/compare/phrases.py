"""How arms, losses and intervals are named in sentences."""

from __future__ import annotations

from collections.abc import Sequence

from ..words import listed
from .findings import Interval


def label(arm: str, rate: float | None) -> str:
    """Name an arm at a rate as its runs are named: ``cosine lr=0.1``."""
    return arm if rate is None else f"{arm} lr={rate:g}"


def every(arms: Sequence[str], of: Sequence[object]) -> str:
    """Name some arms, or all of them by one word."""
    return "every schedule" if 1 < len(arms) == len(of) else listed(arms)


def figure(value: float) -> str:
    """Write a loss with four significant digits."""
    return f"{value:#.4g}".rstrip(".")


def between(interval: Interval, alpha: float) -> str:
    """Write a confidence interval, or why there is none."""
    if interval.low is None or interval.high is None:
        return "no interval from so few"
    return f"{100 * (1 - alpha):g} % interval {figure(interval.low)} to {figure(interval.high)}"
