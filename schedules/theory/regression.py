"""Least squares with coefficients that are not below 0, exactly, for a handful of columns."""

from __future__ import annotations

import itertools

import numpy as np

from ..elementwise import FloatArray


def nonnegative_least_squares(columns: FloatArray, target: FloatArray) -> tuple[FloatArray, float]:
    """Return the coefficients ``x >= 0`` with the smallest ``|columns x - target|``, and that distance.

    The best ``x`` is the plain least-squares solution of the columns it uses, so every set of columns is
    tried: 7 for the 3 of a loss law. It needs no start value and cannot stop at a lesser solution.

    Args:
        columns: of shape ``(n, k)`` [k <= 8].
        target: of shape ``(n,)``.

    Source:
        The conditions of Karush, Kuhn and Tucker; Lawson and Hanson 1974 for many columns.

    >>> found, distance = nonnegative_least_squares(np.array([[1.0, 0.0], [0.0, 1.0]]), np.array([2.0, -1.0]))
    >>> found.tolist(), distance
    ([2.0, 0.0], 1.0)
    """
    basis, upper = np.linalg.qr(columns)
    seen = basis.T @ target
    outside = max(float(target @ target - seen @ seen), 0.0)  # of what no column can reach
    count = columns.shape[1]
    best, least = np.zeros(count), float(seen @ seen)
    for size in range(count, 0, -1):
        for chosen in itertools.combinations(range(count), size):
            part = upper[:, chosen]
            solution = np.linalg.lstsq(part, seen, rcond=None)[0]
            left = seen - part @ solution
            if (solution >= 0).all() and float(left @ left) < least:
                least = float(left @ left)
                best = np.zeros(count)
                best[list(chosen)] = solution
        if size == count and best.any():
            break  # no coefficient of the plain solution is below 0: nothing is better
        if size == count and best.any():
            break  # the plain solution has no coefficient below 0: nothing is better
    return best, float(np.sqrt(least + outside))
