"""What a rate, a trial and a step are worth: tuning, sensitivity, time to target. Needs numpy and scipy."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import comb
from scipy.stats import CensoredData, ecdf


def expected_best(losses: ArrayLike) -> NDArray[np.float64]:
    """Return the expected lowest loss of k trials drawn from those made, none twice, for k = 1, ..., n.

    Equation, with the losses sorted from the worst v_(1) to the best v_(n)::

        E_k = sum over i of v_(i) * C(i - 1, k - 1) / C(n, k)

    Args:
        losses: shape ``(n,)``, one for each trial.

    Returns:
        Shape ``(n,)``: falls from the mean to the lowest. Unbiased for every k.

    Source:
        Tang et al. 2020, "Showing Your Work Doesn't Always Work", https://arxiv.org/abs/2004.13705

    >>> expected_best([3.05, 2.98, 2.96, 2.97, 3.13]).round(4)
    array([3.018, 2.976, 2.965, 2.962, 2.96 ])
    """
    worst_first = np.sort(np.asarray(losses, np.float64))[::-1]
    n = len(worst_first)
    k = np.arange(1, n + 1)[:, None]
    return (comb(np.arange(n)[None, :], k - 1) / comb(n, k)) @ worst_first


def expected_best_with_replacement(losses: ArrayLike) -> NDArray[np.float64]:
    """Return the expected lowest loss of k trials drawn from those made, each time from all of them.

    Equation, with the losses sorted from the worst v_(1) to the best v_(n)::

        E_k = sum over i of v_(i) * ((i / n)^k - ((i - 1) / n)^k)

    Args:
        losses: shape ``(n,)``, one for each trial.

    Returns:
        Shape ``(n,)``, for k = 1, ..., n. Too high for k > 1, since it draws some trials twice; published
        curves of before 2020 are of this form.

    Source:
        Dodge et al. 2019, "Show Your Work", https://arxiv.org/abs/1909.03004
    """
    worst_first = np.sort(np.asarray(losses, np.float64))[::-1]
    n = len(worst_first)
    k = np.arange(1, n + 1)[:, None]
    return np.diff((np.arange(n + 1)[None, :] / n) ** k, axis=1) @ worst_first


def sensitivity(losses: ArrayLike, initial_loss: float) -> float:
    """Return how much is lost on average by taking any of the rates tried instead of the best.

    Equation::

        mean over rates of min(loss, initial_loss) - lowest loss

    Args:
        losses: shape ``(n,)``, one for each rate.
        initial_loss: the loss before training, which no rate is counted worse than.

    Source:
        Wortsman et al. 2023, "Small-scale proxies for large-scale Transformer training instabilities",
        https://arxiv.org/abs/2309.14322
    """
    counted = np.minimum(np.asarray(losses, np.float64), initial_loss)
    return float(counted.mean() - counted.min())


def parabola_vertex(rates: ArrayLike, losses: ArrayLike) -> float | None:
    """Return the rate at the lowest point of the parabola in the rate's logarithm through three points.

    Args:
        rates: shape ``(3,)``, > 0, no two the same.
        losses: shape ``(3,)``. With the lowest in the middle, the vertex is near it; else it is extrapolated.

    Returns:
        The rate; ``None`` where the parabola has no lowest point.
    """
    x, y = np.log(np.asarray(rates, np.float64)), np.asarray(losses, np.float64)
    left, right = np.diff(y) / np.diff(x)
    curvature = (right - left) / (x[2] - x[0])
    return float(np.exp((x[0] + x[1]) / 2 - left / (2 * curvature))) if curvature > 0 else None


def expected_running_time(steps: ArrayLike, reached: ArrayLike) -> float | None:
    """Return the steps to expect until a target is reached, starting over after each run that misses it.

    Equation::

        steps spent in all runs / number of runs that reached the target

    Args:
        steps: shape ``(n,)``: where the run reached the target, or where it ended without.
        reached: shape ``(n,)``, booleans.

    Returns:
        The steps; ``None`` where no run reached the target.

    Source:
        Auger & Hansen 2005, "Performance evaluation of an advanced local search evolutionary algorithm";
        the COCO platform, https://arxiv.org/abs/1605.03560

    >>> expected_running_time([100, 150, 200, 300], [True, True, False, False])
    375.0
    """
    hits = int(np.count_nonzero(reached))
    return float(np.sum(steps)) / hits if hits else None


def kaplan_meier_median(steps: ArrayLike, reached: ArrayLike) -> float | None:
    """Return the step by which half of the runs have reached a target, when some were stopped before.

    Equation, with d_i of the n_i runs that were still on their way reaching it at step t_i::

        S(t) = product over t_i <= t of (1 - d_i / n_i),  the first t with S(t) <= 1/2

    Args:
        steps: shape ``(n,)``: where the run reached the target, or where it ended without.
        reached: shape ``(n,)``, booleans.

    Returns:
        The step; ``None`` where S stays above one half.

    Source:
        Kaplan & Meier 1958, "Nonparametric estimation from incomplete observations", JASA 53.
    """
    at, hit = np.asarray(steps, np.float64), np.asarray(reached, bool)
    left = ecdf(CensoredData(uncensored=at[hit], right=at[~hit])).sf
    below = left.quantiles[left.probabilities <= 0.5 + 1e-12]
    return float(below[0]) if len(below) else None


def improvement_probability(losses: ArrayLike, others: ArrayLike) -> float:
    """Return how likely a run of the first kind ends lower than one of the second: P(A < B) + P(A = B) / 2.

    Args:
        losses: shape ``(n,)``.
        others: shape ``(m,)``.

    Source:
        Mann & Whitney 1947, Ann. Math. Stat. 18; for training runs, Agarwal et al. 2021,
        https://arxiv.org/abs/2108.13264
    """
    a, b = np.asarray(losses, np.float64)[:, None], np.asarray(others, np.float64)[None, :]
    return float(np.mean((a < b) + (a == b) / 2))


def profile_scores(times: ArrayLike, worst_ratio: float = 4.0) -> NDArray[np.float64]:
    """Return the AlgoPerf score of each arm: the area under its performance profile, between 0 and 1.

    Equation, with r the arm's time over the fastest arm's on a workload::

        B = 1 / (r_max - 1) * integral of rho from 1 to r_max
          = mean over workloads of max(0, (r_max - r) / (r_max - 1))

    where rho(tau) is the fraction of workloads on which r <= tau.

    Args:
        times: to the target, shape ``(arms, workloads)``; infinite where it was not reached.
        worst_ratio: r_max, from which on a time counts as not reached [> 1].

    Source:
        Dahl et al. 2023, "Benchmarking Neural Network Training Algorithms",
        https://arxiv.org/abs/2306.07179; the profile: Dolan & More 2002, Math. Program. 91.

    >>> profile_scores([[100, 200, 50], [120, 150, 100], [400, np.inf, 60]]).round(6)
    array([0.962963, 0.866667, 0.311111])
    """
    t = np.asarray(times, np.float64)
    fastest = t.min(axis=0)
    ratio = np.divide(t, fastest, out=np.full_like(t, np.inf), where=np.isfinite(fastest))
    return np.maximum(0.0, (worst_ratio - ratio) / (worst_ratio - 1)).mean(axis=1)


def compute_saved(loss: float, short: tuple[int, float], long: tuple[int, float]) -> float:
    """Return the part of the compute that a loss saves, by how the reference's loss falls with length.

    Equation, for a reference with losses L1 after T1 steps and L2 after T2 > T1::

        m = (L1 - L2) / ln(T2 / T1),  saved = 1 - exp(-(L2 - loss) / m)

    Args:
        loss: after as many steps as ``long``.
        short: steps and final loss of the reference's shorter run.
        long: steps and final loss of its longer run [more steps, lower loss].

    Returns:
        The part of the steps saved [< 1]; negative where the loss is above that of ``long``.

    Raises:
        ValueError: the reference's loss does not fall with its length.

    >>> round(compute_saved(2.9513, (35_000, 3.0018), (50_000, 2.9660)), 3)
    0.136
    """
    if not (long[0] > short[0] > 0 and long[1] < short[1]):
        raise ValueError(f"long must have more steps and a lower loss than short, got {long} and {short}")
    slope = (short[1] - long[1]) / math.log(long[0] / short[0])
    return 1 - math.exp(-(long[1] - loss) / slope)
