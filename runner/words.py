"""Numbers and lists as sentences have them: the same wherever something is printed, drawn or written."""

from __future__ import annotations

import math
from collections.abc import Sequence


def listed(items: Sequence[object]) -> str:
    """Join with commas and a last ``and``.

    >>> listed(["cosine", "wsd", "step"])
    'cosine, wsd and step'
    """
    words = [str(item) for item in items]
    return f"{', '.join(words[:-1])} and {words[-1]}" if len(words) > 1 else "".join(words)


def many(count: int, noun: str) -> str:
    """Return a number with its noun, in the plural where it needs one.

    >>> many(1, "seed"), many(1200, "seed")
    ('1 seed', '1,200 seeds')
    """
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def probability(p: float) -> str:
    """Return a p-value with two significant digits; NaN stands for none.

    >>> [probability(p) for p in (0.03125, 0.5, 1.0, 0.00002, math.nan)]
    ['0.031', '0.50', '1', '< 0.0001', 'none']
    """
    if math.isnan(p):
        return "none"
    if p < 1e-4:
        return "< 0.0001"
    return "1" if p >= 0.995 else f"{p:#.2g}"


def p_value(p: float) -> str:
    """Return a p-value as a sentence has it.

    >>> p_value(0.03125), p_value(0.00002)
    ('p = 0.031', 'p < 0.0001')
    """
    written = probability(p)
    return f"p {written}" if written.startswith("<") else f"p = {written}"


def duration(seconds: float) -> str:
    """Return a time in the unit that suits it.

    >>> [duration(s) for s in (0.84, 41.3, 73, 7500, 200_000)]
    ['0.8 s', '41 s', '1 min 13 s', '2 h 5 min', '2 d 7 h']
    """
    if round(seconds, 1) < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    for small, big, units in ((60, 3600, "min s"), (3600, 86_400, "h min"), (86_400, 10**12, "d h")):
        if whole < big:
            large, rest = units.split()
            count, left = divmod(whole, small)
            part = {"s": 1, "min": 60, "h": 3600}[rest]
            return f"{count} {large} {left // part} {rest}"
    raise ValueError(f"seconds must be < 10^12, got {seconds}")
