"""How figures and arms are named in sentences."""

from __future__ import annotations

from collections.abc import Sequence

from .compare.model import Interval


def label(arm: str, rate: float | None) -> str:
    """Name an arm at a rate as its runs are named: ``cosine lr=0.1``."""
    return arm if rate is None else f"{arm} lr={rate:g}"


def listed(items: Sequence[object]) -> str:
    """Join with commas and a last ``and``."""
    words = [str(item) for item in items]
    return f"{', '.join(words[:-1])} and {words[-1]}" if len(words) > 1 else "".join(words)


def every(arms: Sequence[str], of: Sequence[object]) -> str:
    """Name some arms, or all of them by one word."""
    return "every schedule" if 1 < len(arms) == len(of) else listed(arms)


def many(count: int, noun: str) -> str:
    """Say how many, with the noun's plural where it needs one: ``1 seed``, ``2 seeds``."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def figure(value: float) -> str:
    """Write a loss with four significant digits."""
    return f"{value:#.4g}".rstrip(".")


def probability(p: float) -> str:
    """Write a p with two significant digits."""
    return f"p = {p:.2g}" if p >= 1e-4 else "p < 0.0001"


def between(interval: Interval, alpha: float) -> str:
    """Write a confidence interval, or why there is none."""
    if interval.low is None or interval.high is None:
        return "no interval from so few"
    return f"{100 * (1 - alpha):g} % interval {figure(interval.low)} to {figure(interval.high)}"


def duration(seconds: float) -> str:
    """Write a time in its natural unit."""
    for size, unit in ((86_400.0, "days"), (3600.0, "hours"), (60.0, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds / size:.1f} {unit}"
    return many(round(seconds), "second")
