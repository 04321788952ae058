"""How sure: tests and intervals. Stands alone: numpy and scipy.

Runs of one seed under two schedules share the initial weights and the order of the data, so they are compared
as pairs: what counts is the difference within each seed.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtr, stdtrit
from scipy.stats import studentized_range

EXACT_UP_TO = 20
"""Pairs up to which every assignment of signs is looked at: half a million of them."""

DRAWS = 50_000
"""Random assignments of signs beyond that."""


def mean_interval(values: ArrayLike, level: float = 0.95) -> tuple[float, float, float]:
    """Return the mean and Student's confidence interval: ``(mean, low, high)``.

    Equation::

        mean -+ t(n - 1, (1 + level) / 2) * sd / sqrt(n)

    Args:
        values: shape ``(n,)``, n >= 2; of paired runs, their differences.
        level: of confidence [0 < level < 1].

    Raises:
        ValueError: fewer than two values.

    Source:
        Student 1908, "The probable error of a mean", Biometrika 6.
    """
    x = sample(values, at_least=2)
    mean = float(x.mean())
    half = float(stdtrit(len(x) - 1, (1 + level) / 2)) * float(x.std(ddof=1)) / math.sqrt(len(x))
    return mean, mean - half, mean + half


def t_test(values: ArrayLike, against: float = 0.0, *, below: bool = False) -> tuple[float, float]:
    """Return Student's ``(t, p)`` of a mean against a number; of paired runs, give the differences and 0.

    Equation::

        t = (mean - against) / (sd / sqrt(n)),  p = P(|T| >= |t|), or P(T <= t) for ``below``

    Args:
        values: shape ``(n,)``, n >= 2, not all the same.
        against: the mean under the null hypothesis, such as a target loss.
        below: ask only whether the mean is below, as of a target that is to be reached.

    Raises:
        ValueError: fewer than two values, or all the same.

    Source:
        Student 1908, "The probable error of a mean", Biometrika 6.
    """
    x = sample(values, at_least=2)
    error = float(x.std(ddof=1)) / math.sqrt(len(x))
    if error == 0:
        raise ValueError(f"values must differ, got {len(x)} times {x[0]}")
    t = (float(x.mean()) - against) / error
    return t, float(stdtr(len(x) - 1, t) if below else 2 * stdtr(len(x) - 1, -abs(t)))


def sign_flip_p(differences: ArrayLike) -> float:
    """Return the two-sided p of paired differences, if each might as well have had the other sign.

    Equation::

        p = fraction of the 2^n assignments of signs s with |sum(s * d)| >= |sum(d)|

    It asks for no normal distribution: only that without an effect a difference and its opposite are equally
    likely. Exact up to ``EXACT_UP_TO`` pairs. Beyond, ``DRAWS`` assignments come from a generator with a
    fixed seed, so that the same data give the same p, and the one that was seen counts among them.

    Args:
        differences: shape ``(n,)``, n >= 1, one for each seed.

    Raises:
        ValueError: no differences, or one that is not finite.

    Source:
        Fisher 1935, "The Design of Experiments", section 21; Pitman 1937, "Significance tests which may be
        applied to samples from any populations", J. R. Stat. Soc. Suppl. 4. The random form: Phipson & Smyth
        2010, https://arxiv.org/abs/1603.05766
    """
    d = sample(differences, at_least=1)
    seen = abs(float(d.sum())) - 1e-12 * float(np.abs(d).sum())  # sums in other orders round otherwise
    if len(d) > EXACT_UP_TO:
        signs = np.random.default_rng(0).choice([-1.0, 1.0], size=(DRAWS, len(d)))
        return float((1 + np.count_nonzero(np.abs(signs @ d) >= seen)) / (1 + DRAWS))
    sums = d[:1]  # the first sign stays: flipping all gives the same size of the sum
    for each in d[1:]:
        sums = np.concatenate((sums + each, sums - each))
    return float(np.mean(np.abs(sums) >= seen))


def smallest_sign_flip_p(pairs: int) -> float:
    """Return the smallest p that ``sign_flip_p`` can give for so many pairs: 2 / 2^n, and 1 without any.

    >>> [smallest_sign_flip_p(n) for n in (1, 5, 6, 8)]
    [1.0, 0.0625, 0.03125, 0.0078125]
    """
    exact = min(1.0, 2.0 ** (1 - pairs))
    return exact if pairs <= EXACT_UP_TO else max(exact, 1 / (1 + DRAWS))


def holm(p: ArrayLike) -> NDArray[np.float64]:
    """Return Holm's corrected p: rejecting those <= alpha makes any false alarm at all as rare as alpha.

    Equation, for the sorted p_(1) <= ... <= p_(m)::

        corrected_(i) = min(1, max over j <= i of (m - j + 1) * p_(j))

    Args:
        p: shape ``(m,)``.

    Source:
        Holm 1979, "A simple sequentially rejective multiple test procedure", Scand. J. Stat. 6.

    >>> holm([0.01, 0.04, 0.03, 0.005])
    array([0.03, 0.06, 0.06, 0.02])
    """
    x = np.asarray(p, np.float64)
    order = np.argsort(x)
    rising = np.maximum.accumulate(x[order] * np.arange(len(x), 0, -1))
    corrected = np.empty_like(x)
    corrected[order] = np.minimum(rising, 1.0)
    return corrected


def nemenyi_difference(arms: int, tasks: int, alpha: float = 0.05) -> float:
    """Return how far apart the mean ranks of two of ``arms`` must be over ``tasks`` to be told apart.

    Equation, with the studentized range q of infinitely many degrees of freedom::

        CD = q(1 - alpha; k) / sqrt(2) * sqrt(k * (k + 1) / (6 * N))

    Source:
        Demsar 2006, "Statistical comparisons of classifiers over multiple data sets", JMLR 7.
    """
    q = float(studentized_range.ppf(1 - alpha, arms, np.inf))
    return q / math.sqrt(2) * math.sqrt(arms * (arms + 1) / (6 * tasks))


def sample(values: ArrayLike, at_least: int) -> NDArray[np.float64]:
    """Return the values as an array; raise ``ValueError`` where they are too few or not all finite."""
    x = np.asarray(values, np.float64)
    if x.ndim != 1 or len(x) < at_least or not np.isfinite(x).all():
        raise ValueError(f"values must be at least {at_least} finite numbers, got {values!r}")
    return x
