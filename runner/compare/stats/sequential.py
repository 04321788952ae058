"""Adding seeds while they decide: looks at the losses so far whose error is spent beforehand."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .best_set import ROUNDING, deficits, deficits_under_flips
from .flips import signs
from .paired import paired, table
from .regret import regret_bound

USUAL_LOOKS = (6, 8, 10, 12, 16, 20, 24, 32, 40, 48)
"""Seeds at which the losses are looked at, as far as they go."""

FURTHER = 1.25
"""From one look to the next beyond these."""


def looks_up_to(seeds: int) -> tuple[int, ...]:
    """Return the seeds at which to look, the last being the most that there may be.

    >>> looks_up_to(16), looks_up_to(9), looks_up_to(4)
    ((6, 8, 10, 12, 16), (6, 8, 9), (4,))
    """
    looks = [look for look in USUAL_LOOKS if look < seeds]
    while looks and looks[-1] >= USUAL_LOOKS[-1] and looks[-1] * FURTHER < seeds:
        looks.append(math.ceil(looks[-1] * FURTHER))
    return (*looks, seeds)


@dataclass(frozen=True, kw_only=True)
class Standing:
    """What a look says.

    Attributes:
        seeds: how many it looked at.
        left_at: for each arm the seeds at which it was found worse than another; ``None`` while it is open.
        pick: the open arm with the smallest deficit.
        loses_at_most: bound of what is lost by taking the pick instead of any open arm.
        over: why no further seeds are needed, ``one`` or ``same``; empty where they are.
        next_look: seeds to have before looking again; ``None`` where it is over or this was the last look.
    """

    seeds: int
    left_at: list[int | None]
    pick: int
    loses_at_most: float
    over: str
    next_look: int | None

    @property
    def open(self) -> list[int]:
        """The arms that may still be the best."""
        return [arm for arm, left in enumerate(self.left_at) if left is None]


@dataclass(frozen=True, kw_only=True)
class Race:
    """Decides from the losses so far which arms go on; it holds no state of its own.

    At the look at ``n`` of at most ``N`` seeds, ``alpha * sqrt(n / N)`` of the error may be spent in all.
    Arm i leaves where its deficit ``M_i`` of the first ``n`` seeds exceeds a threshold, the lowest for which
    the assignments of signs that exceed it, or exceeded one at an earlier look, are at most the part that may
    be spent by then. So the best arm is dropped at any of the looks with probability at most ``alpha`` in
    all, and nobody needs to know the number of seeds beforehand.

    The bound of what is lost is drawn at every look, at ``alpha / looks``.

    Attributes:
        most: seeds for each arm at most, N [>= 1].
        alpha: probability that the best arm is dropped [0 < alpha < 1].
        tolerance: end where no open arm can be better than the pick by more [unit of the loss, >= 0].

    Source:
        Lan & DeMets 1983, "Discrete sequential boundaries for clinical trials", Biometrika 70, for the
        spending of the error; Westfall & Young 1993, "Resampling-Based Multiple Testing", for the flips; the
        race: Maron & Moore 1993, "Hoeffding Races", NIPS 6.
    """

    most: int
    alpha: float = 0.05
    tolerance: float | None = None
    looks: tuple[int, ...] = field(init=False)

    def __post_init__(self) -> None:
        if self.most < 1 or not 0 < self.alpha < 1:
            raise ValueError(f"most must be >= 1 and 0 < alpha < 1, got {self.most} and {self.alpha}")
        object.__setattr__(self, "looks", looks_up_to(self.most))

    def spent(self, seeds: int) -> float:
        """Return how much of alpha may be spent by a look at so many seeds."""
        return self.alpha * math.sqrt(seeds / self.most)

    def look(self, losses: ArrayLike) -> Standing:
        """Return what the losses so far say; those after an arm left or after the last look do not count.

        Args:
            losses: shape ``(arms, seeds)``, seeds in the order in which they were added; NaN where there is
                no run (the arm had left, or its job failed), infinite where it diverged.
        """
        x = table(losses)[:, : self.most].copy()
        reached = [look for look in self.looks if look <= x.shape[1]]
        left_at: list[int | None] = [None] * len(x)
        state = _Crossed.none(len(x), self.most)
        standing = self._standing(x, 0, left_at)
        for seeds in reached:
            crosses = state.advance(x[:, :seeds], self.spent(seeds))
            left_at = [left or (seeds if now else None) for left, now in zip(left_at, crosses, strict=True)]
            x[[left is not None for left in left_at], seeds:] = np.nan
            standing = self._standing(x, seeds, left_at)
            if standing.over:
                break
        return standing

    def _standing(self, x: NDArray[np.float64], seeds: int, left_at: list[int | None]) -> Standing:
        lacks = deficits(paired(x[:, :seeds])) if seeds else np.zeros(len(x))
        if all(left is not None for left in left_at):  # each is beaten by another: the last to fall stays
            latest = max(left or 0 for left in left_at)
            fell = [arm for arm, left in enumerate(left_at) if left == latest]
            left_at[min(fell, key=lambda arm: lacks[arm])] = None
        open_ = [arm for arm, left in enumerate(left_at) if left is None]
        pick = min(open_, key=lambda arm: lacks[arm])
        bound = regret_bound(x[open_, :seeds], open_.index(pick), self.alpha / len(self.looks))
        over = "one" if len(open_) == 1 else ""
        if not over and self.tolerance is not None and bound <= self.tolerance:
            over = "same"
        later = [look for look in self.looks if look > seeds]
        return Standing(
            seeds=seeds,
            left_at=list(left_at),
            pick=pick,
            loses_at_most=bound,
            over=over,
            next_look=later[0] if later and not over else None,
        )


@dataclass
class _Crossed:
    """Which assignments of signs, for each arm, have exceeded a threshold at some look."""

    flips: NDArray[np.float64]
    crossed: NDArray[np.bool_]

    @classmethod
    def none(cls, arms: int, most: int) -> _Crossed:
        """Return the state before any look."""
        flips = signs(most)
        return cls(flips, np.zeros((len(flips), arms), bool))

    def advance(self, losses: NDArray[np.float64], spend: float) -> NDArray[np.bool_]:
        """Spend the error of one more look; return which arms have crossed as they were observed."""
        pairs = paired(losses)
        found = deficits_under_flips(pairs, self.flips[:, : losses.shape[1]])
        allowed = math.floor(spend * len(self.flips) + ROUNDING)
        for arm in range(losses.shape[0]):
            own = np.where(self.crossed[:, arm], -np.inf, found[:, arm])
            left = allowed - int(self.crossed[:, arm].sum())
            if left > 0:
                threshold = np.partition(own, -left - 1)[-left - 1] if left < len(own) else -np.inf
                self.crossed[:, arm] |= own > max(float(threshold), 0.0) + ROUNDING
        observed: NDArray[np.bool_] = self.crossed[0]
        return observed
