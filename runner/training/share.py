"""The part of every batch that one of several processes trains on."""

from __future__ import annotations

from torch import Tensor

from ..trainables.data import Batches, Stream
from .ranks import Ranks


class Share:
    """A process's part of the batch of each step.

    Args:
        batches: the whole batch of each step.
        ranks: the processes that train together.
    """

    def __init__(self, batches: Batches | Stream, ranks: Ranks) -> None:
        self._batches = batches
        self._ranks = ranks
        self.steps_per_epoch = batches.steps_per_epoch

    def __call__(self, step: int) -> tuple[Tensor, Tensor]:
        """Return the inputs and targets of this process for update ``step``."""
        inputs, targets = self._batches(step)
        rank, count = self._ranks.rank, self._ranks.count
        return inputs.chunk(count)[rank], targets.chunk(count)[rank]
