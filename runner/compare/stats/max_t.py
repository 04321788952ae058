"""Several comparisons at once, corrected by what chance alone would make of the largest of them."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .best_set import ROUNDING
from .flips import signs
from .paired import paired


def max_t(scores: ArrayLike) -> NDArray[np.float64]:
    """Return the corrected two-sided p of several comparisons over the same seeds, by step-down max-T.

    Equation, for the comparisons in the order of falling ``|T|``::

        p_(r) = max over q <= r of the fraction of assignments of signs with
                max over comparisons q, q + 1, ... of |T(signs)| >= |T_(q)|

    Rejecting those <= alpha makes any false alarm at all as rare as alpha. Unlike Holm's correction it knows
    how the comparisons hang together, and with few seeds it costs nothing: 6 can be enough for any number.

    Args:
        scores: shape ``(comparisons, seeds)``, differences of equal length, as of :class:`Paired`.

    Source:
        Westfall & Young 1993, "Resampling-Based Multiple Testing", algorithm 4.1.

    >>> a, b = (0.50, 0.48, 0.52, 0.49, 0.51, 0.47), (0.46, 0.45, 0.47, 0.46, 0.45, 0.44)
    >>> c = (0.47, 0.44, 0.49, 0.45, 0.46, 0.45)
    >>> max_t(paired([a, b, c]).scores[[1, 2], [0, 0]]).tolist()
    [0.03125, 0.03125]
    >>> max_t(paired([a, b, c]).scores[[0, 0, 1], [1, 2, 2]]).tolist()
    [0.03125, 0.03125, 0.53125]
    """
    d = np.asarray(scores, np.float64)
    if not len(d):
        return np.empty(0)
    sums = np.abs(signs(d.shape[-1]) @ d.T)
    order = np.argsort(-np.abs(d.sum(axis=-1)), kind="stable")
    largest_of_rest = np.maximum.accumulate(sums[:, order[::-1]], axis=1)[:, ::-1]
    raw = (largest_of_rest >= largest_of_rest[0] - ROUNDING).mean(axis=0)
    corrected = np.empty(len(d))
    corrected[order] = np.maximum.accumulate(raw)
    return corrected


def against(losses: ArrayLike, baseline: int, *, chosen_by_data: bool = False) -> NDArray[np.float64]:
    """Return the corrected p of each arm against the baseline; 1 for the baseline itself.

    Args:
        losses: shape ``(arms, seeds)``; NaN where there is no run, infinite where it diverged.
        baseline: index of an arm.
        chosen_by_data: the baseline was, or may have been, chosen by these losses: then the correction is
            over all pairs of arms, of which a choice can only take some.
    """
    pairs = paired(losses)
    arms = len(pairs.scores)
    p = np.ones(arms)
    if chosen_by_data:
        first, second = np.triu_indices(arms, 1)
        every = max_t(pairs.scores[first, second])
        mine = (first == baseline) | (second == baseline)
        p[np.where(first == baseline, second, first)[mine]] = every[mine]
        return p
    others = [arm for arm in range(arms) if arm != baseline]
    p[others] = max_t(pairs.scores[others, baseline])
    return p
