"""The forms of a loss law: what a schedule's rates contribute to the loss after so many updates."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate
from typing import Any, Protocol

import numpy as np

from ..elementwise import FloatArray
from .course import noise_at


class Form(Protocol):
    """A law ``L0 + A * S^-a + b * N``, by what it takes for ``S`` and for ``N``."""

    @property
    def name(self) -> str:
        """What to call it."""
        ...

    def columns(self, rates: Any, steps: Any) -> tuple[FloatArray, FloatArray]:
        """Return ``S`` and ``N`` after each number of updates."""
        ...


@dataclass(frozen=True)
class Convex:
    """The form of the convex bound: ``S`` is the sum of the rates, ``N`` the bound's noise term.

    ``N_t = r_t + sum_{k < t} r_k^2 / (S_t - S_k)``.

    Source:
        Schaipp et al. 2025, arXiv:2501.18965, for the bound; the power of ``S`` is the data's own.
    """

    name: str = "convex"

    def columns(self, rates: Any, steps: Any) -> tuple[FloatArray, FloatArray]:
        """Return ``S`` and ``N`` after each number of updates; O(T) for each of them."""
        counts = np.asarray(steps, dtype=np.int64)
        return np.cumsum(np.asarray(rates, dtype=np.float64))[counts - 1], noise_at(rates, counts)


@dataclass(frozen=True)
class Annealing:
    """The form of the law with annealing: a fall of the rate lowers the loss, and keeps lowering it.

    ``S`` is the sum of the rates, ``N`` minus the sum of ``m``, with
    ``m_i = memory * m_(i-1) + r_(i-1) - r_i``. A warm-up counts as if it were at the peak.

    Attributes:
        memory: share of the last fall's effect that an update keeps [in (0, 1)].

    Source:
        Tissue, Wang and Wang 2024, arXiv:2408.11029.

    >>> areas = [Annealing().columns([1.0, 0.5, 0.25], [t]) for t in (1, 3)]
    >>> [(float(s[0]), round(float(n[0]), 4)) for s, n in areas]
    [(1.0, 0.0), (1.75, -1.2495)]
    """

    memory: float = 0.999
    name: str = "annealing"

    def columns(self, rates: Any, steps: Any) -> tuple[FloatArray, FloatArray]:
        """Return ``S`` and ``N`` after each number of updates; O(T)."""
        own = np.array(rates, dtype=np.float64)
        own[: int(np.argmax(own))] = own.max()
        falls = -np.diff(own, prepend=own[:1])
        momenta = np.fromiter(accumulate(falls, lambda m, fall: self.memory * m + fall), float, len(own))
        counts = np.asarray(steps, dtype=np.int64)
        return np.cumsum(own)[counts - 1], -np.cumsum(momenta)[counts - 1]
