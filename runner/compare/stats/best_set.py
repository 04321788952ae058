"""Which arms may be the best: each is dropped only if it is worse than some other beyond chance."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .flips import signs
from .paired import Paired, paired

ROUNDING = 1e-9
"""Sums in other orders round otherwise: statistics so close are the same."""


def deficits(pairs: Paired) -> NDArray[np.float64]:
    """Return for each arm how clearly another is better: the largest studentised sum of its differences.

    Equation, with d_ij(s) the loss of arm i minus that of arm j under seed s::

        M_i = max over j of (sum over s of d_ij(s)) / sqrt(sum over s of d_ij(s)^2)

    At most 0 for an arm that no other has beaten on average.
    """
    return _largest(pairs.scores.sum(axis=-1))


def deficits_under_flips(pairs: Paired, flips: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the deficits with the seeds' differences multiplied by each assignment of signs.

    A seed's sign is the same for all pairs, so that what arms have in common stays in common.

    Args:
        pairs: of ``n`` seeds.
        flips: shape ``(assignments, n)``.

    Returns:
        Shape ``(assignments, arms)``.
    """
    arms, _, seeds = pairs.scores.shape
    sums = (pairs.scores.reshape(-1, seeds) @ flips.T).reshape(arms, arms, -1)
    return _largest(sums).T


def _largest(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return each arm's largest sum over its rivals, from shape ``(arms, rivals, ...)``; 0 for one alone."""
    arms = len(sums)
    if arms < 2:
        return np.zeros((arms, *sums.shape[2:]))
    sums[np.arange(arms), np.arange(arms)] = -np.inf  # none is a rival of itself
    largest: NDArray[np.float64] = sums.max(axis=1)
    return largest


def may_be_best_p(losses: ArrayLike) -> NDArray[np.float64]:
    """Return for each arm the one-sided p of the hypothesis that no other arm is better.

    Equation::

        p_i = fraction of the assignments of signs to seeds with M_i(signs) >= M_i(observed)

    If arm i is the best, each seed's differences from the others might as well have had the opposite signs,
    or were still lower; so p_i is small no more often than it says, however many arms there are.

    Args:
        losses: shape ``(arms, seeds)``, lower is better; NaN where there is no run, infinite where it
            diverged.

    Source:
        The sign flips: Fisher 1935, "The Design of Experiments", section 21. The maximum over rivals:
        Westfall & Young 1993, "Resampling-Based Multiple Testing". The set of arms that may be best: Hansen,
        Lunde & Nason 2011, "The Model Confidence Set", Econometrica 79; Horrace & Schmidt 2000, "Multiple
        comparisons with the best", J. Appl. Econometrics 15.

    >>> a, b = (0.50, 0.48, 0.52, 0.49, 0.51, 0.47), (0.46, 0.45, 0.47, 0.46, 0.45, 0.44)
    >>> c = (0.47, 0.44, 0.49, 0.45, 0.46, 0.45)
    >>> (64 * may_be_best_p([a, b, c])).tolist()
    [1.0, 61.0, 27.0]
    """
    pairs = paired(losses)
    seen = deficits(pairs)
    flipped = deficits_under_flips(pairs, signs(pairs.scores.shape[-1]))
    p: NDArray[np.float64] = (flipped >= seen - ROUNDING).mean(axis=0)
    return p


def pick(losses: ArrayLike) -> int:
    """Return the arm with the smallest deficit: of complete symmetric losses, the one of the lowest mean."""
    return int(np.argmin(deficits(paired(losses))))


def best_set(losses: ArrayLike, alpha: float = 0.05) -> list[int]:
    """Return the arms that may be the best, by their indices; never none.

    The truly best arm is missing with probability at most ``alpha``, whatever the number of arms.

    Args:
        losses: shape ``(arms, seeds)``, as in :func:`may_be_best_p`.
        alpha: that probability [0 < alpha < 1].

    Source:
        See :func:`may_be_best_p`.

    >>> best_set([(0.50, 0.48, 0.52, 0.49, 0.51, 0.47), (0.46, 0.45, 0.47, 0.46, 0.45, 0.44),
    ...           (0.47, 0.44, 0.49, 0.45, 0.46, 0.45)])
    [1, 2]
    """
    if not 0 < alpha < 1:
        raise ValueError(f"alpha must be > 0 and < 1, got {alpha}")
    p = may_be_best_p(losses)
    chosen = pick(losses)
    return [arm for arm in range(len(p)) if p[arm] > alpha or arm == chosen]
