"""The loss of a run at some of its steps, beside the rate of every update: what a law is fitted to."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..elementwise import FloatArray

MOST_POINTS = 300  # of a curve that a law is fitted to: more are averaged, neighbours with neighbours
WARMUPS = 3  # lengths of the warm-up whose losses are left out


@dataclass(frozen=True, eq=False)
class Curve:
    """One run: the rate of each update, and the losses seen.

    Attributes:
        rates: rate of each update, to the last one seen or further [finite, >= 0].
        steps: updates finished when each loss was seen [whole numbers, rising, 0 .. T].
        losses: what was seen; those that are not finite are left out.
        name: what to call it.
        epochs: how many times the run saw its data [> 0]; ``None`` where that is not known.

    Raises:
        ValueError: the lengths differ, the steps do not rise, or one is beyond the rates.
    """

    rates: FloatArray
    steps: FloatArray
    losses: FloatArray
    name: str = "the curve"
    epochs: float | None = None

    def __post_init__(self) -> None:
        rates, steps, losses = (
            np.asarray(held, dtype=np.float64) for held in (self.rates, self.steps, self.losses)
        )
        if steps.shape != losses.shape or steps.ndim != 1:
            raise ValueError(f"losses must be as many as steps, got {losses.size} for {steps.size}")
        finite = np.isfinite(losses)
        steps, losses = steps[finite], losses[finite]
        if (np.diff(steps) <= 0).any():
            raise ValueError("steps must rise")
        if len(steps) and not (steps[0] >= 0 and steps[-1] <= len(rates)):
            raise ValueError(f"steps must be from 0 to {len(rates)}, got {steps[0]:g} to {steps[-1]:g}")
        if not (np.isfinite(rates).all() and (rates >= 0).all() and (rates > 0).any()):
            raise ValueError("rates must be finite and >= 0, one of them > 0")
        for name, value in (("rates", rates), ("steps", steps), ("losses", losses)):
            object.__setattr__(self, name, value)

    @property
    def peak(self) -> float:
        """The highest rate."""
        return float(self.rates.max())

    @property
    def area(self) -> float:
        """Sum of the rates up to the last loss seen."""
        return float(self.rates[: int(self.steps[-1])].sum()) if len(self.steps) else 0.0

    @property
    def fallen_to(self) -> float:
        """The rate at the last loss seen, as a part of the highest rate before it."""
        seen = self.rates[: max(int(self.steps[-1]), 1)] if len(self.steps) else self.rates[:1]
        return float(seen[-1] / seen.max()) if seen.max() > 0 else 1.0

    def settled(self) -> Curve:
        """Return the curve without its warm-up, and thinned by averaging neighbours.

        Losses before three times the warm-up, or a tenth of the run after a long one, are left out.
        """
        warmup = int(np.argmax(self.rates >= self.peak * (1 - 1e-9)))
        first = max(min(WARMUPS * warmup, warmup + len(self.rates) // 10), 1)
        kept = self.steps >= first
        steps, losses = self.steps[kept], self.losses[kept]
        if len(steps) > MOST_POINTS:
            parts = np.array_split(np.arange(len(steps)), MOST_POINTS)
            losses = np.array([losses[part].mean() for part in parts])
            steps = np.array([round(steps[part].mean()) for part in parts], dtype=np.float64)
        return Curve(self.rates, steps, losses, self.name, self.epochs)
