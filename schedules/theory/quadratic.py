"""A noisy quadratic: a training run that is one line of algebra, to compare schedules in no time."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..elementwise import FloatArray


def noisy_quadratic(rates: Any, curvature: Any, noise: Any, start: Any = 1.0) -> FloatArray:
    """Return the expected loss after each update of gradient descent on a quadratic with gradient noise.

    Each direction of curvature ``h`` has a mean square ``v``, with the variance of its noise ``c``::

        v <- (1 - rate h)^2 v + rate^2 c        L = sum h v / 2

    Args:
        rates: rate of each update [>= 0].
        curvature: ``h`` of each direction [> 0].
        noise: ``c`` of each direction, or one for all [>= 0].
        start: ``v`` before the first update, one or one for each direction [>= 0].

    Source:
        Zhang et al. 2019, arXiv:1907.04164.

    >>> rates = np.full(200, 0.5)
    >>> h = np.array([1.0, 0.1, 0.01])
    >>> round(float(noisy_quadratic(rates, h, 0.5 * h)[-1]), 12)
    0.09095907422
    """
    bends = np.atleast_1d(np.asarray(curvature, dtype=np.float64))
    variances = np.broadcast_to(np.asarray(noise, dtype=np.float64), bends.shape)
    squares = np.broadcast_to(np.asarray(start, dtype=np.float64), bends.shape)
    losses = np.empty(len(rates))
    for step, rate in enumerate(np.asarray(rates, dtype=np.float64)):
        squares = (1 - rate * bends) ** 2 * squares + rate**2 * variances
        losses[step] = bends @ squares / 2
    return losses
