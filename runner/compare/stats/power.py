"""How many seeds it takes, and what pairing them saves. Stands alone: numpy and scipy."""

from __future__ import annotations

import math

from numpy.typing import ArrayLike
from scipy.special import ndtri

from .statistics import EXACT_UP_TO, sample


def fewest_seeds(alpha: float) -> int:
    """Return the fewest pairs with which the sign-flip test can come to ``alpha`` at all: 2 / 2^n <= alpha.

    >>> fewest_seeds(0.05), fewest_seeds(0.05 / 5)
    (6, 8)
    """
    return math.ceil(1 - math.log2(alpha) - 1e-9)


def seeds_needed(mean: float, deviation: float, alpha: float = 0.05, power: float = 0.8) -> int | None:
    """Return how many pairs show a mean paired difference with probability ``power``, about.

    The smallest n of which::

        n >= ((z(1 - a / 2) + z(power)) * sd / |mean|)^2 + z(1 - a / 2)^2 / 2

    where a is the largest p <= alpha that the sign-flip test can give for n pairs. That is the normal
    approximation of the t test, with Guenther's term for the estimated deviation; the sign-flip test has
    nearly its power.

    Args:
        mean: of the differences.
        deviation: their standard deviation [>= 0].
        alpha: two-sided; for the first step of Holm's correction divide it by the number of comparisons.
        power: probability to find the difference [0.5 <= power < 1].

    Returns:
        The number of pairs; ``None`` for a difference of 0, which no number of seeds shows.

    Source:
        Guenther 1981, "Sample size formulas for normal theory t tests", Am. Stat. 35.
    """
    if mean == 0:
        return None
    pairs = max(fewest_seeds(alpha), math.floor(_seeds_at(alpha, power, deviation / abs(mean))))
    while pairs < _seeds_at(_attainable(alpha, pairs), power, deviation / abs(mean)):
        pairs += 1
    return pairs


def _seeds_at(level: float, power: float, spread: float) -> float:
    z = float(ndtri(1 - level / 2))
    return ((z + float(ndtri(power))) * spread) ** 2 + z * z / 2


def _attainable(alpha: float, pairs: int) -> float:
    steps = 2.0 ** (min(pairs, EXACT_UP_TO) - 1)
    return math.floor(alpha * steps + 1e-9) / steps if pairs <= EXACT_UP_TO else alpha


def pairing_ratio(losses: ArrayLike, others: ArrayLike) -> float | None:
    """Return what pairing by seed is worth: as many times more unpaired seeds would be as sure.

    Equation::

        (var(a) + var(b)) / var(a - b)

    Args:
        losses: shape ``(n,)``, n >= 2.
        others: shape ``(n,)``, of the same seeds in the same order.

    Returns:
        The ratio; above 1 pairing helps. ``None`` where the differences do not vary.

    Source:
        Law & Kelton, "Simulation Modeling and Analysis", on common random numbers.
    """
    a, b = sample(losses, at_least=2), sample(others, at_least=2)
    paired = float((a - b).var(ddof=1))
    return float(a.var(ddof=1) + b.var(ddof=1)) / paired if paired > 0 else None
