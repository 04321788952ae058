"""The validation loss as it goes: its lowest, and when to give up waiting for a lower one."""

from __future__ import annotations

import math
from collections.abc import Iterable


class Lowest:
    """Follows a loss and its lowest value so far.

    Args:
        min_delta: what a new lowest must be lower by [>= 0].

    Attributes:
        value: the lowest loss.
        since: losses in a row that were no new lowest.
    """

    def __init__(self, min_delta: float = 0.0) -> None:
        self._min_delta = min_delta
        self.value = math.inf
        self.since = 0

    def observe(self, loss: float) -> bool:
        """Take the next loss; return whether it is a new lowest."""
        if loss < self.value - self._min_delta:
            self.value, self.since = loss, 0
            return True
        self.since += 1
        return False


class EarlyStop:
    """Ends a run whose validation loss has stopped to fall.

    Args:
        patience: evaluations in a row without a new lowest loss [>= 1].
        min_delta: what a new lowest must be lower by [>= 0].
        past: losses of the evaluations before this process: the journal's.

    Source:
        Prechelt 1998, Early Stopping - But When?, doi:10.1007/3-540-49430-8_3.
    """

    def __init__(self, patience: int, min_delta: float = 0.0, past: Iterable[float] = ()) -> None:
        self._patience = patience
        self._lowest = Lowest(min_delta)
        for loss in past:
            self._lowest.observe(loss)

    def says(self, loss: float) -> bool:
        """Whether to stop after this evaluation."""
        self._lowest.observe(loss)
        return self.has_ended

    @property
    def has_ended(self) -> bool:
        """Whether the evaluations so far are enough to stop."""
        return self._lowest.since >= self._patience

    def __str__(self) -> str:
        return f"no validation loss below {self._lowest.value:.6g} in {self._lowest.since} evaluations"
