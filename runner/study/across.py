"""Statistics over several workloads: ranks and normalised losses with intervals, times to a target."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata, trim_mean

Floats = NDArray[np.float64]

RESAMPLES = 2000
RATIOS = (1.0, 1.25, 1.5, 2.0, 4.0)
"""Times over the fastest schedule's at which a performance profile is written down."""


@dataclass(frozen=True)
class Estimate:
    """A figure of each schedule, shape ``(arms,)``, with the ends of its interval."""

    value: Floats
    low: Floats
    high: Floats


def mean_ranks(losses: Sequence[Floats], level: float = 0.95) -> Estimate:
    """Return each schedule's rank by its mean loss, averaged over workloads; 1 is the lowest loss.

    The intervals are percentiles over workloads whose seeds are drawn again, the same for all schedules: they
    speak of other seeds on these workloads, not of other workloads.

    Args:
        losses: for each workload, shape ``(arms, seeds)``; infinite where a run diverged.
        level: of the intervals.

    Source:
        Stratified bootstrap over seeds: Agarwal et al. 2021, https://arxiv.org/abs/2108.13264

    >>> mean_ranks([np.array([[1.0, 1.1], [2.0, 2.1]]), np.array([[3.0, 3.0], [2.0, 2.0]])]).value.tolist()
    [1.5, 1.5]
    """

    def rank(tables: Sequence[Floats]) -> Floats:
        return np.mean([rankdata(table.mean(axis=-1), axis=0) for table in tables], axis=0)

    return _bootstrap(losses, rank, level)


def normalised(losses: Floats, untrained: float) -> Floats:
    """Return losses with 0 for the lowest schedule's mean and 1 for the highest's, of one workload.

    Args:
        losses: shape ``(arms, seeds)``; a diverged run counts as the loss before training.
        untrained: that loss.

    >>> normalised(np.array([[1.0, 3.0], [4.0, np.inf]]), 8.0).tolist()
    [[-0.25, 0.25], [0.5, 1.5]]
    """
    counted = np.where(np.isposinf(losses), untrained, losses)
    means = counted.mean(axis=-1)
    width = means.max() - means.min()
    return (counted - means.min()) / width if width > 0 else np.zeros_like(counted)


def interquartile_means(scores: Sequence[Floats], level: float = 0.95) -> Estimate:
    """Return the mean of the middle half of each schedule's normalised losses, over all workloads and seeds.

    Args:
        scores: for each workload, shape ``(arms, seeds)``, as of :func:`normalised`.
        level: of the intervals, which are as in :func:`mean_ranks`.

    Source:
        IQM: Agarwal et al. 2021, https://arxiv.org/abs/2108.13264

    >>> scores = [np.array([[0.0, 1.0], [0.0, 0.0]]), np.array([[2.0, 30.0], [0.0, 0.0]])]
    >>> interquartile_means(scores).value.tolist()
    [1.5, 0.0]
    """

    def middle(tables: Sequence[Floats]) -> Floats:
        return np.asarray(trim_mean(np.concatenate(tables, axis=-1), 0.25, axis=-1), np.float64)

    return _bootstrap(scores, middle, level)


def profile(times: Floats, ratios: Sequence[float] = RATIOS) -> Floats:
    """Return on which part of the workloads a schedule takes at most so many times the fastest's steps.

    Equation::

        rho(tau) = fraction of the workloads with time <= tau * the fastest schedule's time

    Args:
        times: to the target, shape ``(arms, workloads)``; infinite where it was not reached.
        ratios: the values of tau.

    Returns:
        Shape ``(arms, len(ratios))``.

    Source:
        Dolan & More 2002, Math. Program. 91; AlgoPerf: Dahl et al. 2023, https://arxiv.org/abs/2306.07179

    >>> profile(np.array([[100.0, 200.0], [120.0, np.inf]]), (1.0, 1.25)).tolist()
    [[1.0, 1.0], [0.0, 0.5]]
    """
    fastest = times.min(axis=0)
    return np.stack([(np.isfinite(times) & (times <= tau * fastest)).mean(axis=1) for tau in ratios], axis=1)


def _bootstrap(
    tables: Sequence[Floats], figure: Callable[[Sequence[Floats]], Floats], level: float
) -> Estimate:
    rng = np.random.default_rng(0)
    drawn = [t[:, rng.integers(t.shape[1], size=(RESAMPLES, t.shape[1]))] for t in tables]
    ends = np.quantile(figure(drawn), [(1 - level) / 2, (1 + level) / 2], axis=-1)
    return Estimate(figure(tables), ends[0], ends[1])
