"""Writes every step of a run into its journal, without waiting for the device at every step."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor

from ..errors import Diverged

READ_EVERY = 64
"""Losses stay on the device for this many steps: reading one makes the processor wait for the device."""

READ_MILLISECONDS = 500
"""Slow steps are written sooner: at most this much of a run is missing from its journal after a kill."""


class Record(Protocol):
    """Takes rows of numbers: a :class:`runner.record.journal.Journal`."""

    def append(self, step: int, values: Sequence[float], milliseconds: int | None = None) -> None:
        """Add a row."""

    def flush(self) -> None:
        """Hand all rows to the operating system."""

    def sync(self) -> None:
        """Hand all rows to the disk."""


class NoRecord:
    """A record that keeps nothing."""

    def append(self, step: int, values: Sequence[float], milliseconds: int | None = None) -> None:
        """Drop a row."""

    def flush(self) -> None:
        """Do nothing."""

    def sync(self) -> None:
        """Do nothing."""


class Recorder:
    """Writes every step into the journal; the update's figures are read from the device in chunks.

    Attributes:
        last_finite: the last finite loss that was written; ``None`` before the first.
        loss: the mean loss of the steps that the last :meth:`flush` wrote.
    """

    def __init__(self, journal: Record) -> None:
        self._journal = journal
        self._rows: list[tuple[int, int, tuple[float, ...]]] = []
        self._figures: list[tuple[Tensor, ...]] = []
        self.last_finite: float | None = None
        self.loss = math.nan

    def add(self, step: int, values: tuple[float, ...], figures: tuple[Tensor, ...]) -> bool:
        """Note one step without waiting for its figures, of which the loss is the first.

        Returns:
            Whether it is time to :meth:`flush`.
        """
        rows = self._rows
        when = time.time_ns() // 1_000_000
        rows.append((step, when, values))
        self._figures.append(figures)
        return len(rows) >= READ_EVERY or when - rows[0][1] >= READ_MILLISECONDS

    def flush(self) -> None:
        """Wait for the figures of the steps noted so far, and write their rows.

        Raises:
            Diverged: a loss is not finite; the rows up to and including it are written.
        """
        if not self._rows:
            return
        columns = [torch.stack(column).double().tolist() for column in zip(*self._figures, strict=True)]
        rows, self._rows, self._figures = self._rows, [], []
        try:
            for (step, when, values), *figures in zip(rows, *columns, strict=True):
                self._journal.append(step, (*values, *figures), when)
                if not math.isfinite(figures[0]):
                    raise Diverged(step, self.last_finite)
                self.last_finite = figures[0]
        finally:
            self._journal.flush()
        self.loss = sum(columns[0]) / len(rows)
