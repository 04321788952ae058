"""What may be lost by taking one arm: how much worse it can be, at most, than the best."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtrit
from scipy.stats import binom

from .asymmetry import is_asymmetric
from .paired import differences


def upper_bound(values: ArrayLike, alpha: float) -> float:
    """Return what the mean of paired differences is at most, but for a probability of ``alpha``.

    Equation, where the values are finite and not asymmetric::

        mean + t(n - 1, 1 - alpha) * sd / sqrt(n)

    Otherwise the bound is of the median: the value v_(m) of the sorted ones with the smallest m for which
    ``P(Binomial(n, 1/2) >= m) <= alpha``, which asks for no symmetry.

    Args:
        values: shape ``(n,)``; infinite where a run diverged.
        alpha: one-sided [0 < alpha < 1].

    Returns:
        The bound; infinite where the values are too few for one.

    Source:
        Student 1908, Biometrika 6; of the median: Thompson 1936, "On confidence ranges for the median", Ann.
        Math. Stat. 7.

    >>> upper_bound([1.0, 2.0, 3.0, 4.0, float("inf"), float("inf")], 0.1)
    inf
    """
    x = np.sort(np.asarray(values, np.float64))
    n = len(x)
    if n < 2:
        return np.inf
    if np.isfinite(x).all() and not is_asymmetric(x):
        spread = float(x.std(ddof=1)) / np.sqrt(n)
        return float(x.mean() + stdtrit(n - 1, 1 - alpha) * spread)
    fitting = np.flatnonzero(binom.sf(np.arange(n), n, 0.5) <= alpha)
    return float(x[fitting[0]]) if len(fitting) and fitting[0] < n else np.inf


def regret_bound(losses: ArrayLike, arm: int, alpha: float = 0.05) -> float:
    """Return how much worse than the best an arm is, at most, but for a probability of ``alpha``.

    Equation, over the k - 1 rivals j and the seeds that both have::

        max(0, max over j of upper bound of d_arm,j at level alpha / (k - 1))

    Args:
        losses: shape ``(arms, seeds)``; NaN where there is no run, infinite where it diverged.
        arm: the one that is taken.
        alpha: rate of bounds that are too small [0 < alpha < 1].

    Returns:
        The bound [unit of the loss]; infinite where too few seeds are common with a rival.

    Source:
        Bonferroni's inequality on Student's bounds; compare Hsu 1981, "Simultaneous confidence intervals for
        all distances from the best", Ann. Stat. 9.

    >>> a, b = (0.50, 0.48, 0.52, 0.49, 0.51, 0.47), (0.46, 0.45, 0.47, 0.46, 0.45, 0.44)
    >>> c = (0.47, 0.44, 0.49, 0.45, 0.46, 0.45)
    >>> round(regret_bound([a, b, c], 1), 7)
    0.0078529
    """
    d = differences(losses)[arm]
    rivals = [j for j in range(len(d)) if j != arm]
    bounds = [upper_bound(_there(d[j]), alpha / len(rivals)) for j in rivals]
    return max([0.0, *bounds])


def same_within(losses: ArrayLike, arms: list[int], alpha: float = 0.05) -> float:
    """Return by how much any two of these arms differ, at most, but for a probability of ``alpha``.

    Equation, over the m (m - 1) ordered pairs of the m arms::

        max over i, j of upper bound of d_ij at level alpha / (m (m - 1))

    Args:
        losses: shape ``(arms, seeds)``, as in :func:`regret_bound`.
        arms: two or more of them.
        alpha: rate of bounds that are too small [0 < alpha < 1].

    Source:
        Two one-sided tests: Schuirmann 1987, J. Pharmacokinet. Biopharm. 15; with Bonferroni's inequality.
    """
    d = differences(losses)
    both = [(i, j) for i in arms for j in arms if i != j]
    return max([0.0, *(upper_bound(_there(d[i, j]), alpha / len(both)) for i, j in both)])


def _there(d: NDArray[np.float64]) -> NDArray[np.float64]:
    return d[~np.isnan(d)]
