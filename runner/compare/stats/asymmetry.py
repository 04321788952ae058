"""Whether paired differences lie evenly around their middle: a test of means by flipped signs assumes it."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

ERRORS = 2.0
"""Standard errors of the skewness beyond which differences are called asymmetric."""


def skewness(differences: ArrayLike) -> NDArray[np.float64]:
    """Return the adjusted sample skewness along the last axis; NaN entries are left out.

    Equation, with m_k the k-th central moment of the n values::

        G1 = sqrt(n (n - 1)) / (n - 2) * m_3 / m_2^1.5

    Args:
        differences: shape ``(..., seeds)``.

    Returns:
        Shape ``(...)``; 0 where fewer than three values are there, or none differs.

    Source:
        Joanes & Gill 1998, "Comparing measures of sample skewness and kurtosis", The Statistician 47.

    >>> float(skewness([1.0, 2.0, 3.0, 10.0]).round(6))
    1.763633
    """
    d = np.asarray(differences, np.float64)
    there = np.isfinite(d)
    n = there.sum(axis=-1)
    filled = np.where(there, d, 0.0)
    centred = np.where(there, d - (filled.sum(axis=-1) / np.maximum(n, 1))[..., None], 0.0)
    m2, m3 = ((centred**k).sum(axis=-1) / np.maximum(n, 1) for k in (2, 3))
    size = np.abs(filled).max(axis=-1, initial=0.0)
    known = (n > 2) & (m2 > (1e-12 * size) ** 2)
    factor = np.sqrt(np.maximum(n * (n - 1.0), 0.0)) / np.maximum(n - 2.0, 1.0)
    return np.where(known, factor * m3 / np.where(known, m2, 1.0) ** 1.5, 0.0)


def is_asymmetric(differences: ArrayLike) -> NDArray[np.bool_]:
    """Say whether differences are skewed: by more than ``ERRORS`` standard errors of a normal sample's.

    Equation::

        |G1| > 2 SE,  SE = sqrt(6 n (n - 1) / ((n - 2) (n + 1) (n + 3)))

    Such differences are judged by how often they have either sign, not by their mean: that asks for no
    symmetry, and is a statement about the median difference.

    Args:
        differences: shape ``(..., seeds)``; NaN where there is none.

    Source:
        Fisher 1930, "The moments of the distribution for normal samples of measures of departure from
        normality", Proc. R. Soc. A 130, for the standard error; the rule of two standard errors is ours.

    >>> bool(is_asymmetric([0.0, 0.1, 0.0, -0.1, 0.1, 5.0])), bool(is_asymmetric([1, 2, 3, 4, 5, 6]))
    (True, False)
    """
    d = np.asarray(differences, np.float64)
    n = np.isfinite(d).sum(axis=-1)
    bottom = np.maximum((n - 2.0) * (n + 1.0) * (n + 3.0), 1.0)
    error = np.sqrt(6.0 * n * np.maximum(n - 1.0, 0.0) / bottom)
    found: NDArray[np.bool_] = (n > 2) & (np.abs(skewness(d)) > ERRORS * error)
    return found
