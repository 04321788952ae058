"""Arms held against each other, seed by seed."""

from __future__ import annotations

from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from .choice import Contender, interval
from .findings import Difference, Interval
from .stats.measures import improvement_probability
from .stats.power import fewest_seeds, pairing_ratio, seeds_needed
from .stats.statistics import holm, sign_flip_p, smallest_sign_flip_p

MOST_SEEDS = 1000
"""Seeds beyond which a difference is called hopeless to settle."""


def differences(contenders: list[Contender], baseline: Contender, alpha: float) -> list[Difference]:
    """Hold each arm against the baseline; correct the p of all comparisons together, by Holm."""
    others = [each for each in contenders if each is not baseline]
    found = [paired(each, baseline) for each in others]
    p = [sign_flip_p(d) if len(d) else 1.0 for d in found]
    corrected = holm(p)
    return [
        _difference(other, baseline, d, float(p[i]), float(corrected[i]), alpha, len(others))
        for i, (other, d) in enumerate(zip(others, found, strict=True))
    ]


def paired(arm: Contender, other: Contender) -> NDArray[np.float64]:
    """Return the final loss of ``arm`` minus that of ``other`` for each seed that both have."""
    a, b = arm.losses, other.losses
    return np.array([a[seed] - b[seed] for seed in a if seed in b])


def _difference(
    arm: Contender,
    baseline: Contender,
    d: NDArray[np.float64],
    p: float,
    p_holm: float,
    alpha: float,
    comparisons: int,
) -> Difference:
    a, b = list(arm.losses.values()), list(baseline.losses.values())
    apart = Interval(count=0, mean=float(np.mean(a) - np.mean(b)), low=None, high=None)
    delta = interval(d.tolist(), 1 - alpha) if len(d) else apart
    common = [seed for seed in arm.losses if seed in baseline.losses]
    settled = p_holm <= alpha
    return Difference(
        arm=arm.arm,
        baseline=baseline.arm,
        delta=delta,
        p=p,
        p_holm=p_holm,
        smallest_p=smallest_sign_flip_p(len(d)),
        verdict=("better" if delta.mean < 0 else "worse") if settled else "not told apart",
        seeds_needed=None if settled else seeds_to_settle(d, alpha / comparisons),
        variance_ratio=pairing_ratio([arm.losses[s] for s in common], [baseline.losses[s] for s in common])
        if len(common) > 1
        else None,
        improvement=improvement_probability(a, b),
    )


def seeds_to_settle(d: NDArray[np.float64], alpha: float) -> int | None:
    """Return how many seeds in all would show a difference as large as the one seen, with 80 % probability.

    More than there are, since those did not; ``None`` where no number or more than ``MOST_SEEDS`` would.
    """
    if len(d) < 2:  # no spread is known: so many that any p can be small enough
        return fewest_seeds(alpha)
    needed = seeds_needed(float(d.mean()), float(d.std(ddof=1)), alpha)
    return None if needed is None or needed > MOST_SEEDS else max(needed, len(d) + 1)


def told_apart(contenders: list[Contender], alpha: float) -> set[frozenset[str]]:
    """Return the pairs of arms whose final losses differ beyond chance, of all pairs tested together.

    Holm over all k (k - 1) / 2 pairs: the probability of naming any pair that does not differ is at most
    alpha, whichever arm came out best. That is stricter than against the baseline alone, so an arm can be
    better than the baseline there and share a group with it here.
    """
    both = list(combinations(contenders, 2))
    found = [paired(a, b) for a, b in both]
    corrected = holm([sign_flip_p(d) if len(d) else 1.0 for d in found])
    return {frozenset((a.arm, b.arm)) for (a, b), p in zip(both, corrected, strict=True) if p <= alpha}


def groups(arms: list[str], apart: set[frozenset[str]]) -> list[list[str]]:
    """Return the largest sets of arms of which no two are told apart, in the order of ``arms``.

    Starts from one set of all; each pair told apart splits the sets that hold both, and a set within another
    goes.

    Source:
        Piepho 2004, "An Algorithm for a Letter-Based Representation of All-Pairwise Comparisons", J. Comput.
        Graph. Stat. 13.

    >>> groups(["a", "b", "c"], {frozenset("ac")})
    [['a', 'b'], ['b', 'c']]
    """
    sets = [frozenset(arms)]
    for pair in sorted(apart, key=lambda p: sorted(map(arms.index, p))):
        split = [part for s in sets for part in ([s - {arm} for arm in pair] if pair <= s else [s])]
        unique = list(dict.fromkeys(split))
        sets = [s for s in unique if not any(s < other for other in unique)]
    return sorted((sorted(s, key=arms.index) for s in sets), key=lambda g: [arms.index(arm) for arm in g])


def attainable(found: list[Difference], alpha: float) -> bool:
    """Say whether any comparison has seeds enough to come to ``alpha`` after Holm's correction."""
    return bool(np.any(holm([d.smallest_p for d in found]) <= alpha))
