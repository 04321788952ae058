"""Arms held against a baseline, seed by seed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .choice import Contender, interval
from .decide import losses_of
from .findings import Difference, Interval
from .stats.flips import EXACT_UP_TO, signs
from .stats.max_t import against
from .stats.measures import improvement_probability
from .stats.paired import differences as all_differences
from .stats.paired import paired
from .stats.power import fewest_seeds, pairing_ratio, seeds_needed

MOST_SEEDS = 1000
"""Seeds beyond which a difference is called hopeless to settle."""


def differences(
    contenders: list[Contender],
    baseline: Contender,
    alpha: float,
    *,
    chosen_by_data: bool = False,
    blocked: str = "",
) -> list[Difference]:
    """Hold each arm against the baseline; correct the p of all comparisons together, by step-down max-T.

    Args:
        contenders: arms with results.
        baseline: one of them.
        alpha: rate of any false alarm among them.
        chosen_by_data: the baseline may have been chosen by what came out: correct over all pairs of arms.
        blocked: why no arm may be called better or worse; empty where nothing is in the way.
    """
    losses = losses_of(contenders)
    at = contenders.index(baseline)
    p = against(losses, at, chosen_by_data=chosen_by_data)
    by_wins = paired(losses).by_wins[:, at]
    d = all_differences(losses)[:, at]
    return [
        _difference(each, baseline, d[i], float(p[i]), bool(by_wins[i]), alpha, blocked)
        for i, each in enumerate(contenders)
        if i != at
    ]


def _difference(
    arm: Contender,
    baseline: Contender,
    of_seeds: NDArray[np.float64],
    p: float,
    by_wins: bool,
    alpha: float,
    blocked: str,
) -> Difference:
    d = of_seeds[~np.isnan(of_seeds)]
    finished = d[np.isfinite(d)]
    a, b = arm.finished_losses, baseline.finished_losses
    apart = Interval(count=0, mean=float(np.mean(a) - np.mean(b)), low=None, high=None)
    common = [s for s in arm.losses if np.isfinite(arm.losses[s] - baseline.losses.get(s, np.nan))]
    settled = p <= alpha and not blocked
    lower = float(np.sign(d).sum() if by_wins else d.sum()) < 0
    return Difference(
        arm=arm.arm,
        baseline=baseline.arm,
        delta=interval(finished.tolist(), 1 - alpha) if len(finished) else apart,
        p=p,
        by_wins=by_wins,
        smallest_p=smallest_p(len(d)),
        verdict=("better" if lower else "worse") if settled else "not told apart",
        seeds_needed=None if settled else seeds_to_settle(finished, alpha),
        variance_ratio=pairing_ratio([arm.losses[s] for s in common], [baseline.losses[s] for s in common])
        if len(common) > 1
        else None,
        improvement=improvement_probability(list(arm.losses.values()), list(baseline.losses.values())),
    )


def smallest_p(pairs: int) -> float:
    """Return the smallest two-sided p that so many pairs can give: 2 / 2^n, and 1 without any.

    >>> [smallest_p(n) for n in (1, 5, 6, 8)]
    [1.0, 0.0625, 0.03125, 0.0078125]
    """
    return min(1.0, 2.0 ** (1 - pairs)) if pairs <= EXACT_UP_TO else 1 / len(signs(pairs))


def seeds_to_settle(d: NDArray[np.float64], alpha: float) -> int | None:
    """Return how many seeds in all would show a difference as large as the one seen, with 80 % probability.

    More than there are, since those did not; ``None`` where no number or more than ``MOST_SEEDS`` would.
    """
    if len(d) < 2:  # no spread is known: so many that any p can be small enough
        return fewest_seeds(alpha)
    needed = seeds_needed(float(d.mean()), float(d.std(ddof=1)), alpha)
    return None if needed is None or needed > MOST_SEEDS else max(needed, len(d) + 1)
