"""Losses of arms under the same seeds, turned into what the sign-flip tests flip."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .asymmetry import is_asymmetric


@dataclass(frozen=True)
class Paired:
    """What each seed says of each pair of arms.

    Attributes:
        scores: shape ``(arms, arms, seeds)``: for arms i and j the difference of their losses under a seed,
            above 0 where i is worse, divided by the root of the sum of its squares; 0 where one is missing.
        by_wins: shape ``(arms, arms)``: where the scores have only the sign of the difference.
        counts: shape ``(arms, arms)``: seeds that both arms have.
    """

    scores: NDArray[np.float64]
    by_wins: NDArray[np.bool_]
    counts: NDArray[np.int_]


def table(losses: ArrayLike) -> NDArray[np.float64]:
    """Return losses as an array; raise ``ValueError`` where it is none of arms by seeds."""
    x = np.asarray(losses, np.float64)
    if x.ndim != 2 or x.shape[0] < 1 or np.isneginf(x).any():
        raise ValueError(f"losses must have the shape (arms, seeds) and be > -inf, got shape {x.shape}")
    return x


def differences(losses: ArrayLike) -> NDArray[np.float64]:
    """Return ``d[i, j, s] = losses[i, s] - losses[j, s]``: NaN if a run is missing, 0 if both diverged."""
    x = table(losses)
    both = np.isposinf(x)[:, None] & np.isposinf(x)[None, :]
    with np.errstate(invalid="ignore"):
        d = x[:, None] - x[None, :]
    return np.where(both, 0.0, d)


def paired(losses: ArrayLike) -> Paired:
    """Return the scores of every pair of arms.

    A pair is judged by the sizes of its differences, except where a run of it diverged, which has no size
    (any finished run is better), or where the differences are asymmetric: then by their signs.

    Args:
        losses: shape ``(arms, seeds)``; NaN where there is no run, infinite where it diverged.

    >>> paired([[1.0, 2.0, 3.0], [2.0, 2.0, float("inf")]]).scores[0, 1].round(3).tolist()
    [-0.707, 0.0, -0.707]
    """
    d = differences(losses)
    there = ~np.isnan(d)
    by_wins = np.isinf(d).any(axis=-1) | is_asymmetric(np.where(np.isinf(d), np.nan, d))
    present = np.where(there, d, 0.0)
    values = np.where(by_wins[..., None], np.sign(present), present)
    root = np.sqrt((values**2).sum(axis=-1))[..., None]
    scores = np.divide(values, root, out=np.zeros_like(values), where=root > 0)
    return Paired(scores=scores, by_wins=by_wins, counts=there.sum(axis=-1))
