"""Optimizers whose weights differ between training and evaluation."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch.optim import Optimizer


@contextmanager
def averaged(optimizer: Optimizer) -> Iterator[None]:
    """Put the weights that are to be judged in place, and afterwards those that are trained.

    Most optimizers have one set of weights, and nothing happens. A schedule-free one has ``eval()`` and
    ``train()``, and is in training mode outside of this.
    """
    moded: Any = optimizer if hasattr(optimizer, "eval") and hasattr(optimizer, "train") else None
    if moded is not None:
        moded.eval()
    try:
        yield
    finally:
        if moded is not None:
            moded.train()


def start_training(optimizer: Optimizer) -> None:
    """Put an optimizer that has modes into training mode."""
    if hasattr(optimizer, "train"):
        optimizer.train()
