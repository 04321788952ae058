"""What the last weights remember of a run: weight decay makes them an average of the updates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..elementwise import FloatArray
from .forms import Annealing


@dataclass(frozen=True)
class PlanDescription:
    """How far a plan goes, and how much of it the last weights remember.

    Attributes:
        area: S1, the sum of the rates: how far the run can move.
        annealing: S2, what the falls of the rate have brought in the law with annealing.
        timescale: ``1 / (peak * weight_decay)``, over which weights forget at the peak [updates].
        start_share: share of the initial weights in the last ones.
        effective_updates: as many updates of equal share would average as much.
        mean_age: mean age of the updates in the last weights [updates].
        half_mass_age: the last weights owe half of what is not their start to updates this young.
    """

    area: float
    annealing: float
    timescale: float
    start_share: float
    effective_updates: float
    mean_age: float
    half_mass_age: int


def averaging_coefficients(rates: Any, weight_decay: Any) -> FloatArray:
    """Return the share of the start and of each update in the last weights of AdamW; they add up to 1.

    AdamW's step ``w <- (1 - a_t) w + a_t x_t`` with ``a_t = rate * weight_decay`` makes the weights an
    average of the ``x``::

        c_i = a_i prod_{j > i} (1 - a_j)        c_0 = prod_j (1 - a_j)

    Args:
        rates: rate of each update [>= 0].
        weight_decay: one number, or one for each update [>= 0].

    Returns:
        An array of ``T + 1`` numbers, the start's first.

    Raises:
        ValueError: a product of rate and weight decay is not in [0, 1].

    Source:
        Wang and Aitchison 2024, arXiv:2405.13698; Bergsma et al. 2025, arXiv:2502.15938.

    >>> [round(float(c), 5) for c in averaging_coefficients([0.1] * 5, 1.0)]
    [0.59049, 0.06561, 0.0729, 0.081, 0.09, 0.1]
    """
    shares = np.asarray(rates, dtype=np.float64) * np.asarray(weight_decay, dtype=np.float64)
    if not ((shares >= 0) & (shares <= 1)).all():
        raise ValueError("rate * weight_decay must be in [0, 1] at every update")
    kept = np.concatenate((np.cumprod((1 - shares)[::-1])[::-1], [1.0]))
    return np.concatenate((kept[:1], shares * kept[1:]))


def describe_plan(rates: Any, weight_decay: Any) -> PlanDescription:
    """Return how far a plan goes and what its last weights remember.

    Raises:
        ValueError: as :func:`averaging_coefficients`, or nothing decays.

    >>> import schedules
    >>> rates = schedules.values(schedules.build("linear", total_steps=1000, peak_value=0.1), 1000)
    >>> found = describe_plan(rates, 0.1)
    >>> round(found.start_share, 6), round(found.effective_updates, 2), round(found.mean_age, 2)
    (0.006593, 703.55, 390.38)
    """
    own = np.asarray(rates, dtype=np.float64)
    shares = averaging_coefficients(own, weight_decay)
    start, updates = float(shares[0]), shares[1:]
    whole = float(updates.sum())
    if not whole > 0:
        raise ValueError("weight_decay must be > 0 at one update at least")
    ages = np.arange(len(own))[::-1]
    young = np.cumsum(updates[::-1])
    fastest = float(np.max(own * np.asarray(weight_decay, dtype=np.float64)))
    _, falls = Annealing().columns(own, [len(own)])
    return PlanDescription(
        area=float(own.sum()),
        annealing=-float(falls[0]),
        timescale=1 / fastest,
        start_share=start,
        effective_updates=whole**2 / float(np.sum(updates**2)),
        mean_age=float(np.sum(ages * updates)) / whole,
        half_mass_age=int(np.searchsorted(young, whole / 2)) + 1,
    )


def merge_weights(multipliers: Any) -> FloatArray:
    """Return the weights with which checkpoints of a constant-rate trunk add up to a cooldown.

    Of ``k + 1`` checkpoints at even distances and falling multipliers ``m_1 ... m_k`` of the rate between
    them, ``c_0 = 1 - m_1``, ``c_j = m_j - m_(j+1)``, ``c_k = m_k``. It is exact where the gradients are the
    same ones. The plain mean of the last checkpoints is the linear cooldown.

    Raises:
        ValueError: the multipliers rise, or are not in [0, 1].

    Source:
        Tian et al. 2025 (WSM), arXiv:2507.17634.

    >>> [round(float(c), 6) for c in merge_weights([0.8, 0.6, 0.4, 0.2])]
    [0.2, 0.2, 0.2, 0.2, 0.2]
    """
    steps = np.concatenate(([1.0], np.asarray(multipliers, dtype=np.float64), [0.0]))
    weights = -np.diff(steps)
    if (weights < 0).any():
        raise ValueError("multipliers must fall from at most 1 to at least 0")
    return weights
