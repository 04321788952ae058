"""A schedule made for a run from the gradient norms of one like it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from ..elementwise import FloatArray
from ..families.piecewise import Piecewise

MOST_NORMS = 4000  # more are averaged, neighbours with neighbours: a median of a tenth of them stays quick
TOLERANCE = 0.002  # of the peak, that the points of the schedule may be off
LEAST_WEIGHT = 1e-3  # of the largest


def refined_rates(gradient_norms: Any, power: float = 1.0, smoothing: float = 0.1) -> FloatArray:
    """Return the refined schedule at each of the norms, its highest value 1.

    With the norms ``G`` smoothed by a running median over a part ``smoothing`` of the run::

        w_t = G_t^-power        v_t = w_t * (w_(t+1) + ... + w_T)

    so norms that do not change give the linear schedule, and norms that fall at first give a warm-up.

    Args:
        gradient_norms: one for each update, or at even distances [finite, > 0].
        power: 2 for gradient descent with L2 norms, 1 for Adam with L1 norms, 0 for the linear schedule.
        smoothing: part of the run that the median is taken over [in [0, 1)].

    Raises:
        ValueError: a norm is not above 0, or there are fewer than 2.

    Source:
        Defazio, Cutkosky, Mehta and Mishchenko 2023, arXiv:2310.07831.

    >>> refined_rates([3.0, 3.0, 3.0, 3.0, 3.0]).tolist()
    [1.0, 0.75, 0.5, 0.25, 0.0]
    """
    norms = np.asarray(gradient_norms, dtype=np.float64)
    if norms.ndim != 1 or len(norms) < 2 or not (np.isfinite(norms) & (norms > 0)).all():
        raise ValueError("gradient_norms must be 2 numbers > 0 or more")
    if not 0 <= smoothing < 1:
        raise ValueError(f"smoothing must be in [0, 1), got {smoothing:g}")
    weights = _median(norms, smoothing) ** -power
    weights = np.maximum(weights, LEAST_WEIGHT * weights.max())
    left = np.concatenate((np.cumsum(weights[:0:-1])[::-1], [0.0]))
    found = weights * left
    return found / found.max()


def refine(
    gradient_norms: Any,
    total_steps: int,
    peak_value: float = 1.0,
    power: float = 1.0,
    smoothing: float = 0.1,
) -> Piecewise:
    """Return the refined schedule for a run of this length, as the ``piecewise`` schedule.

    Args:
        gradient_norms: of a run like it, at even distances [finite, > 0].
        total_steps: updates of the run to come [steps, >= 2].
        peak_value: its highest value.
        power: as for :func:`refined_rates`.
        smoothing: as for :func:`refined_rates`.

    Raises:
        ValueError: as :func:`refined_rates`.

    >>> s = refine([3.0] * 100, total_steps=1000, peak_value=0.1)
    >>> s(0), round(s(500), 6), s(1000)
    (0.1, 0.05, 0.0)
    """
    norms = np.asarray(gradient_norms, dtype=np.float64)
    if len(norms) > MOST_NORMS:
        norms = np.array([part.mean() for part in np.array_split(norms, MOST_NORMS)])
    found = refined_rates(norms, power, smoothing)
    places = np.unique(np.round(np.arange(len(found)) * total_steps / (len(found) - 1)).astype(int))
    heights = np.interp(places, np.linspace(0, total_steps, len(found)), found)
    kept = _corners(places.astype(np.float64), heights, TOLERANCE)
    return Piecewise(
        steps=tuple(int(places[i]) for i in kept),
        values=tuple(float(peak_value * heights[i] / heights[kept].max()) for i in kept),
        peak_value=peak_value,
    )


def guarantee(gradient_norms: Any, distance: float = 1.0) -> float:
    """Return ``D / sqrt(sum_t G_t^-2)``: how near descent with the refined rates of power 2 surely comes.

    >>> guarantee([2.0, 2.0, 2.0, 2.0])
    1.0
    """
    norms = np.asarray(gradient_norms, dtype=np.float64)
    return float(distance / math.sqrt(float(np.sum(norms**-2.0))))


def absolute_rates(gradient_norms: Any, distance: float = 1.0) -> FloatArray:
    """Return the refined rates of power 2 in the unit of the rate, those that :func:`guarantee` is for.

    ``D w_t (w_(t+1) + ... + w_T) / (w_1 + ... + w_T)^(3/2)`` with ``w = G^-2``.

    >>> absolute_rates([2.0, 2.0, 2.0, 2.0]).tolist()
    [0.1875, 0.125, 0.0625, 0.0]
    """
    weights = np.asarray(gradient_norms, dtype=np.float64) ** -2.0
    left = np.concatenate((np.cumsum(weights[:0:-1])[::-1], [0.0]))
    return distance * weights * left / float(weights.sum()) ** 1.5


def _median(norms: FloatArray, smoothing: float) -> FloatArray:
    """Return the running median; the first norm goes on before the start, the end is mirrored."""
    half = int(smoothing * len(norms) / 2)
    if not half:
        return norms
    ends = np.pad(np.pad(norms, (half, 0), mode="edge"), (0, half), mode="reflect")
    return np.median(sliding_window_view(ends, 2 * half + 1), axis=1)


def _corners(places: FloatArray, heights: FloatArray, tolerance: float) -> list[int]:
    """Return the fewest points, about, between which straight lines stay within the tolerance."""
    kept, open_parts = {0, len(places) - 1}, [(0, len(places) - 1)]
    while open_parts:
        first, last = open_parts.pop()
        if last - first < 2:
            continue
        inside = slice(first + 1, last)
        straight = np.interp(places[inside], places[[first, last]], heights[[first, last]])
        off = np.abs(heights[inside] - straight)
        if off.max() > tolerance:
            middle = first + 1 + int(off.argmax())
            kept.add(middle)
            open_parts += [(first, middle), (middle, last)]
    return sorted(kept)
