"""A bound on the loss of the last iterate, as a way to compare schedules before anything is trained.

It is a theorem about (stochastic) subgradient descent on a convex function. Networks are neither, so the
bound's own size means nothing for them; its ratios and ranks are what has been seen to carry over.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..elementwise import FloatArray
from ..schedule import values


@dataclass(frozen=True)
class BestScale:
    """The factor of a schedule that makes its bound smallest.

    Attributes:
        scale: what to multiply the rates by.
        bound: the bound there.
    """

    scale: float
    bound: float


@dataclass(frozen=True)
class Transfer:
    """How one schedule stands to the first of a table, by the bound.

    Attributes:
        name: the schedule.
        peak_ratio: its best peak, as a part of the first schedule's best peak.
        bound_ratio: its smallest bound, as a part of the first schedule's.
    """

    name: str
    peak_ratio: float
    bound_ratio: float


def bound(rates: Any, distance: float = 1.0, gradient_norms: Any = 1.0) -> float:
    """Return the bound on the expected distance of the last iterate's loss from the smallest, in O(T).

    With rates ``r_1 ... r_T``, ``S_k`` the sum of the first ``k``, ``D`` the distance of the start from a
    minimiser and ``G_k`` a bound on the norm of the k-th gradient::

        D^2 / (2 S_T) + ( r_T G_T^2 + sum_{k < T} r_k^2 G_k^2 / (S_T - S_k) ) / 2

    This is the published bound with its double sum telescoped: all terms are positive, and ``S_T - S_k``
    is added up from the end, so nothing cancels. Rates of 0 are left out: they move nothing.

    Args:
        rates: rate of each update [finite, >= 0].
        distance: ``D`` [> 0].
        gradient_norms: ``G``, one number or one for each update [> 0].

    Raises:
        ValueError: a rate is below 0, none is above it, or the lengths differ.

    Source:
        Schaipp et al. 2025, arXiv:2501.18965, theorem 1; Defazio et al. 2023, arXiv:2310.07831, theorem 10.

    >>> round(bound([1.0, 1.0, 1.0, 1.0]), 6)  # 1/8 + (1 + 1 + 1/2 + 1/3) / 2
    1.541667
    """
    start, noise = _parts(rates, gradient_norms)
    return distance**2 * start + noise


def best_scale(rates: Any, distance: float = 1.0, gradient_norms: Any = 1.0) -> BestScale:
    """Return the factor of the rates at which :func:`bound` is smallest, and the bound there.

    The bound of ``c`` times the rates is ``A / c + B c``, so ``c = sqrt(A / B)`` and the bound there is
    ``2 sqrt(A B)``. A factor ``q`` off the best costs ``(q + 1/q) / 2``, whatever the schedule: the bound
    cannot say which schedule forgives a wrong rate.

    >>> from schedules import Linear, values
    >>> best = best_scale(values(Linear(total_steps=400, peak_value=1.0), 400))
    >>> round(best.scale, 12), round(best.bound, 12)
    (0.049563130691, 0.100629865436)
    """
    start, noise = _parts(rates, gradient_norms)
    return BestScale(distance * math.sqrt(start / noise), 2 * distance * math.sqrt(start * noise))


def gradient(rates: Any, distance: float = 1.0, gradient_norms: Any = 1.0) -> FloatArray:
    """Return the derivative of :func:`bound` by each rate, in O(T); 0 for rates of 0.

    With ``R_j = S_T - S_j``::

        -D^2 / (2 S_T^2) + r_j G_j^2 / R_j - sum_{k < j} r_k^2 G_k^2 / (2 R_k^2)        j < T

    and for ``j = T`` the second term is ``G_T^2 / 2``.

    >>> [round(float(d), 6) for d in gradient([1.0, 1.0])]  # bound: 1 / (2 (a + b)) + (b + a^2 / b) / 2
    [0.875, -0.125]
    """
    own, squares = _checked(rates, gradient_norms)
    rest = _rest(own)
    result = np.zeros(len(rates))
    own_terms = own * squares
    own_terms[:-1] /= rest
    own_terms[-1] = squares[-1] / 2
    before = np.concatenate(([0.0], np.cumsum(own[:-1] ** 2 * squares[:-1] / rest**2)))
    result[moving(rates)] = -(distance**2) / (2 * own.sum() ** 2) + own_terms - before / 2
    return result


def transfer_table(
    schedules: Mapping[str, Callable[[Any], Any]],
    total_steps: int,
    gradient_norms: Any = 1.0,
) -> list[Transfer]:
    """Return how the best peak of one schedule moves to the others, by the bound.

    A schedule that spends less of the run near its peak bears a higher one. The first of the mapping is
    what the others are compared with. Of schedules that do not end near 0 the bound says little: for
    language models it places their best peak too high.

    Args:
        schedules: name -> schedule.
        total_steps: updates in the run [steps, >= 1].
        gradient_norms: as for :func:`bound`.

    Raises:
        ValueError: a schedule's peak is not above 0.

    >>> from schedules import build
    >>> shapes = {n: build(n, total_steps=10_000, peak_value=1.0) for n in ("cosine", "linear", "wsd")}
    >>> [(row.name, round(row.peak_ratio, 2)) for row in transfer_table(shapes, 10_000)]
    [('cosine', 1.0), ('linear', 1.03), ('wsd', 0.53)]
    """
    found: list[tuple[str, float, float]] = []
    for name, schedule in schedules.items():
        rates = values(schedule, total_steps)
        peak = float(rates.max(initial=0.0))
        if not peak > 0:
            raise ValueError(f"the peak of {name} must be > 0, got {peak:g}")
        best = best_scale(rates, gradient_norms=gradient_norms)
        found.append((name, best.scale * peak, best.bound))
    return [Transfer(name, scale / found[0][1], least / found[0][2]) for name, scale, least in found]


def moving(rates: Any) -> NDArray[np.bool_]:
    """Return which updates move anything, those whose rate is above 0, as a mask of shape ``(T,)``.

    Raises:
        ValueError: no rate is above 0, or one is below 0 or not finite.
    """
    own = np.asarray(rates, dtype=np.float64)
    if own.ndim != 1 or not np.isfinite(own).all() or (own < 0).any():
        raise ValueError("rates must be a list of finite numbers >= 0")
    if not (own > 0).any():
        raise ValueError("rates must hold one > 0, got none")
    return own > 0


def _checked(rates: Any, gradient_norms: Any) -> tuple[FloatArray, FloatArray]:
    """Return the rates that move anything, and the square of their gradients' norms."""
    kept = moving(rates)
    norms = np.asarray(gradient_norms, dtype=np.float64)
    if norms.ndim and len(norms) != len(kept):
        raise ValueError(f"gradient_norms must be as many as rates, got {len(norms)} for {len(kept)}")
    return np.asarray(rates, dtype=np.float64)[kept], np.broadcast_to(norms, kept.shape)[kept] ** 2


def _rest(rates: FloatArray) -> FloatArray:
    """Return ``S_T - S_k`` for ``k = 1 .. T - 1``, added up from the end."""
    return np.cumsum(rates[:0:-1])[::-1]


def _parts(rates: Any, gradient_norms: Any) -> tuple[float, float]:
    """Return the two parts of the bound: what ``D^2`` multiplies, and what the gradients' noise adds."""
    own, squares = _checked(rates, gradient_norms)
    noise = float(own[-1] * squares[-1] + np.sum(own[:-1] ** 2 * squares[:-1] / _rest(own)))
    return 1 / (2 * float(own.sum())), noise / 2
