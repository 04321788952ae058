"""The data of a run, and how long training on them is."""

from __future__ import annotations

import math
from typing import Any

import torch

import schedules

from ..errors import ConfigError
from ..settings.trainer import TrainerSettings
from ..trainables.data import Data
from .plans import blaming

EVALUATED = 2**20
"""Numbers of one evaluation's inputs, or of its outputs, up to which more than a training batch is taken."""


def load_data(dataset: Any, trainer: TrainerSettings, device: torch.device) -> Data:
    """Return the data on the device that they are read from.

    Raises:
        ConfigError: they cannot be loaded, or a batch is larger than they are.
    """
    with blaming("dataset"):
        data: Data = dataset.load().to(device)
    if trainer.batch_size > len(data.train):
        raise ConfigError(
            f"trainer.batch_size must be <= {len(data.train)}, the training examples, "
            f"got {trainer.batch_size}"
        )
    return data


def total_steps_of(trainer: TrainerSettings, data: Data, steps_per_epoch: int) -> int:
    """Return the budget in updates.

    Raises:
        ConfigError: it is in tokens, and the data have none, or it is less than one update.
    """
    if trainer.tokens is None:
        return trainer.steps or (trainer.epochs or 0) * steps_per_epoch
    if data.tokens_per_example is None:
        raise ConfigError("trainer.tokens must be left out where the data are not made of tokens")
    tokens_per_step = data.tokens_per_example * trainer.batch_size
    if trainer.tokens < tokens_per_step:
        raise ConfigError(
            f"trainer.tokens must be >= {tokens_per_step}, the tokens of one update, got {trainer.tokens:.0f}"
        )
    return int(trainer.tokens) // tokens_per_step


def horizon_of(
    trainer: TrainerSettings, data: Data, total_steps: int, steps_per_epoch: int
) -> schedules.Horizon:
    """Return how long the run is, in all the units that a schedule's lengths may have."""
    return schedules.Horizon(
        total_steps=total_steps,
        steps_per_epoch=steps_per_epoch,
        examples_per_step=trainer.batch_size,
        tokens_per_step=data.tokens_per_example and data.tokens_per_example * trainer.batch_size,
    )


def evaluated_at_once(data: Data, batch_size: int) -> int:
    """Return how many examples to evaluate at once: a training batch of large ones, more of small ones."""
    largest = max(math.prod(data.input_shape), (data.tokens_per_example or 1) * data.num_outputs)
    return max(batch_size, min(1024, EVALUATED // largest))
