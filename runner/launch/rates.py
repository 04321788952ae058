"""A grid of peak rates that grows outward while its best value lies on its edge."""

from __future__ import annotations

import math


class Rates:
    """The rates tried for one competitor, with the losses that they came to.

    Args:
        rates: at the beginning. Their mean ratio is that of the rates that are added.
    """

    def __init__(self, rates: list[float]) -> None:
        ordered = sorted(rates)
        self._ratio = (ordered[-1] / ordered[0]) ** (1 / (len(ordered) - 1)) if len(ordered) > 1 else 1.0
        self._means: dict[float, float] = {}

    def note(self, rate: float, losses: list[float]) -> None:
        """Note the loss of each seed at a rate; a failed job tells nothing, a diverged one is infinite."""
        known = [loss for loss in losses if not math.isnan(loss)]
        self._means[rate] = sum(known) / len(known) if known else math.nan

    @property
    def best(self) -> float:
        """The rate of the lowest mean loss; the lowest rate where none is finite."""
        known = {rate: mean for rate, mean in self._means.items() if not math.isnan(mean)}
        return min(known or self._means, key=lambda rate: (known.get(rate, math.inf), rate))

    def outward(self) -> float | None:
        """Return the next rate beyond the best, where that is the first or last; else ``None``."""
        tried = sorted(rate for rate, mean in self._means.items() if not math.isnan(mean))
        if len(tried) < 2:
            return None
        if self.best == tried[-1]:
            return float(f"{tried[-1] * self._ratio:.6g}")
        return float(f"{tried[0] / self._ratio:.6g}") if self.best == tried[0] else None
