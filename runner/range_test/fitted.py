"""Straight lines fitted around each point of a noisy curve."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

WIDTH = 1 / 32
"""Standard deviation of the weights around a point, as part of the curve's range."""

FEWEST = 5
"""Points that a line is fitted to at least."""

NOISE = 3.0
"""Standard deviations of the points by which a fitted curve has to fall to count as falling."""


def fitted(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Return level and slope, at each ``x``, of a straight line fitted to the points around it.

    They count by a bell curve, whose standard deviation is ``WIDTH`` of the range of ``x``, or twice the
    mean distance of the points. Unlike a running mean this moves nothing to the right, and a straight line
    stays as it is, also at its ends.

    Source:
        Fan 1992, "Design-adaptive nonparametric regression" (local linear regression).

    >>> level, slope = fitted(np.arange(6.0), 3.0 - 0.5 * np.arange(6.0))
    >>> np.allclose(level, 3.0 - 0.5 * np.arange(6.0)), np.allclose(slope, -0.5)
    (True, True)
    """
    width = (x[-1] - x[0]) * max(WIDTH, 2.0 / (len(x) - 1))
    away = x[None, :] - x[:, None]
    weights = np.exp(-0.5 * (away / width) ** 2)
    weights /= weights.sum(axis=1, keepdims=True)
    mean_x, mean_y = (weights * away).sum(axis=1), weights @ y
    variance = (weights * away**2).sum(axis=1) - mean_x**2
    slopes = ((weights * away) @ y - mean_x * mean_y) / variance
    return mean_y - slopes * mean_x, slopes


def falls(y: Floats, levels: Floats) -> bool:
    """Whether a fitted curve falls to its lowest point by more than noise.

    That is ``NOISE`` standard deviations of the points around it; of pure noise, 1 curve in 100 with 100
    points does.
    """
    if not len(levels):
        return False
    until = int(np.argmin(levels)) + 1
    return bool(np.ptp(levels[:until]) > NOISE * np.std((y - levels)[:until]))
