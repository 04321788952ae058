"""The noise term of the bound after every update, and not only after the last: the course of a run.

After ``t`` updates it is ``N_t = r_t G_t^2 + sum_{k < t} r_k^2 G_k^2 / (S_t - S_k)``. A few steps cost O(T)
each. All of them together are a one-sided sum of ``1 / distance`` on a line, which a tree of blocks gives
in O(T log T): a block that is as far away as it is wide acts like 18 points (Chebyshev interpolation).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..elementwise import FloatArray
from .last_iterate import moving

LEAF = 64  # updates in the smallest block, summed directly
NODES = 18  # points a far block acts like: an error of 1e-13 of the sum


def noise_at(rates: Any, steps: Any) -> FloatArray:
    """Return ``N_t`` after each number of updates in ``steps``, for gradients of norm 1.

    Args:
        rates: rate of each update [finite, >= 0].
        steps: updates finished [whole numbers, 1 .. T].

    Raises:
        ValueError: a step is not within the run, or no rate is above 0 before it.

    >>> noise_at([1.0, 1.0, 1.0], [1, 2, 3]).tolist()
    [1.0, 2.0, 2.5]
    """
    own = np.asarray(rates, dtype=np.float64)
    counts = np.asarray(steps, dtype=np.int64)
    if len(counts) and not (counts.min() >= 1 and counts.max() <= len(own)):
        raise ValueError(f"steps must be from 1 to {len(own)}, got {counts.min()} to {counts.max()}")
    kept = moving(own)
    before = np.cumsum(kept)[counts - 1]
    if len(before) and not before.min():
        raise ValueError("steps must be after the first update whose rate is above 0")
    return np.array([_noise(own[kept][:t]) for t in before], dtype=np.float64)


def _noise(rates: FloatArray) -> float:
    rest = np.cumsum(rates[:0:-1])[::-1]
    return float(rates[-1] + np.sum(rates[:-1] ** 2 / rest))


def bound_curve(rates: Any, distance: float = 1.0, gradient_norms: Any = 1.0) -> FloatArray:
    """Return :func:`~schedules.theory.bound` after each update, of shape ``(T,)``, in O(T log T).

    After an update whose rate is 0 it is what it was before; before the first that moves, infinite.

    >>> [round(float(b), 6) for b in bound_curve([1.0, 1.0, 1.0, 1.0])]
    [1.0, 1.25, 1.416667, 1.541667]
    """
    kept = moving(rates)
    own = np.asarray(rates, dtype=np.float64)[kept]
    squares = np.broadcast_to(np.asarray(gradient_norms, dtype=np.float64), kept.shape)[kept] ** 2
    noise = own * squares + _Tree(own, own**2 * squares).sums()
    found = distance**2 / (2 * np.cumsum(own)) + noise / 2
    return np.concatenate(([np.inf], found))[np.cumsum(kept)]


class _Tree:
    """``sum_{k < t} weight_k / (S_t - S_k)`` for all ``t``, every distance added up from the rates between.

    A block ``(start, stop)`` is halved until it holds ``LEAF`` updates. As targets, its updates lie at the
    sum of its own rates up to them; as sources, at the sum of its own rates after them.
    """

    def __init__(self, rates: FloatArray, weights: FloatArray) -> None:
        self._rates, self._weights = rates, weights
        self._found = np.zeros(len(rates))
        angles = (2 * np.arange(NODES) + 1) * np.pi / (2 * NODES)
        self._nodes = (1 + np.cos(angles)) / 2  # on [0, 1]
        self._signs = np.sin(angles) * (-1.0) ** np.arange(NODES)  # barycentric weights
        self._blocks: dict[tuple[int, int], tuple[float, FloatArray, FloatArray]] = {}
        self._moments: dict[tuple[int, int], FloatArray] = {}

    def sums(self) -> FloatArray:
        """Return the sum for each update."""
        self._within(0, len(self._rates))
        return self._found

    def _within(self, start: int, stop: int) -> None:
        """Add what the updates of one block receive from each other."""
        if stop - start <= LEAF:
            self._directly(start, stop)
            return
        middle = (start + stop) // 2
        self._within(start, middle)
        self._within(middle, stop)
        self._between((middle, stop), (start, middle), 0.0)

    def _directly(self, start: int, stop: int) -> None:
        for t in range(start + 1, stop):
            rest = np.cumsum(self._rates[t:start:-1])[::-1]
            self._found[t] += np.sum(self._weights[start:t] / rest)

    def _between(self, targets: tuple[int, int], sources: tuple[int, int], gap: float) -> None:
        """Add what a block receives from one before it; ``gap`` is the sum of the rates that lie between."""
        width, _, ahead = self._block(sources)
        reach, behind, _ = self._block(targets)
        first = behind[0]
        if gap + first >= width:
            moments, places = self._moments_of(sources), self._nodes * width
            self._found[slice(*targets)] += (1 / (gap + behind[:, None] + places)) @ moments
            return
        small_targets, small_sources = (stop - start <= LEAF for start, stop in (targets, sources))
        if small_targets and small_sources:
            held = self._weights[slice(*sources)]
            self._found[slice(*targets)] += (1 / (gap + behind[:, None] + ahead)) @ held
        elif small_sources or (reach > width and not small_targets):
            near, far = _halves(targets)
            self._between(near, sources, gap)
            self._between(far, sources, gap + self._block(near)[0])
        else:
            far, near = _halves(sources)
            self._between(targets, near, gap)
            self._between(targets, far, gap + self._block(near)[0])

    def _block(self, block: tuple[int, int]) -> tuple[float, FloatArray, FloatArray]:
        """Return the sum of a block's rates, its updates as targets, and as sources."""
        if block not in self._blocks:
            rates = self._rates[slice(*block)]
            ahead = np.concatenate((np.cumsum(rates[:0:-1])[::-1], [0.0]))
            self._blocks[block] = float(rates.sum()), np.cumsum(rates), ahead
        return self._blocks[block]

    def _moments_of(self, block: tuple[int, int]) -> FloatArray:
        """Return the weights that stand for a block at the interpolation's nodes."""
        if block not in self._moments:
            width, _, ahead = self._block(block)
            gaps = ahead[:, None] / width - self._nodes
            gaps[gaps == 0] = 1e-300  # on a node: its weight alone counts
            shares = self._signs / gaps
            shares /= shares.sum(axis=1, keepdims=True)
            self._moments[block] = self._weights[slice(*block)] @ shares
        return self._moments[block]


def _halves(block: tuple[int, int]) -> tuple[tuple[int, int], tuple[int, int]]:
    start, stop = block
    return (start, (start + stop) // 2), ((start + stop) // 2, stop)
