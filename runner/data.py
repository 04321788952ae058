"""What a dataset gives to the loop: tensors on the device, and batches by index."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class Data:
    """A classification dataset that fits on the device.

    Attributes:
        train_inputs: shape ``(examples, *input_shape)``, float32.
        train_targets: class numbers, shape ``(examples,)``, int64.
        val_inputs: as ``train_inputs``, never trained on.
        val_targets: as ``train_targets``.
        num_classes: how many classes there are.
    """

    train_inputs: Tensor
    train_targets: Tensor
    val_inputs: Tensor
    val_targets: Tensor
    num_classes: int

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of one example: ``(channels, height, width)`` for images."""
        return tuple(self.train_inputs.shape[1:])

    def to(self, device: torch.device) -> Data:
        """Return the same data on ``device``."""
        return replace(
            self,
            train_inputs=self.train_inputs.to(device),
            train_targets=self.train_targets.to(device),
            val_inputs=self.val_inputs.to(device),
            val_targets=self.val_targets.to(device),
        )


class Batches:
    """The training batch of each step: a new random order every epoch, given by the seed and the epoch alone.

    So any step's batch can be asked for at any time, and two runs of one seed see the same order whatever
    their schedule. An epoch has as many whole batches as fit; the order decides which examples it leaves out.

    Args:
        inputs: shape ``(examples, ...)``.
        targets: shape ``(examples, ...)``.
        batch_size: examples in a batch, at most all of them.
        seed: with the epoch's number, determines the order.
    """

    def __init__(self, inputs: Tensor, targets: Tensor, batch_size: int, seed: int) -> None:
        self._inputs = inputs
        self._targets = targets
        self._batch_size = batch_size
        self._seed = seed
        self._epoch = -1
        self._order = torch.empty(0, dtype=torch.int64)
        self.steps_per_epoch = len(inputs) // batch_size

    def __call__(self, step: int) -> tuple[Tensor, Tensor]:
        """Return the inputs and targets of update ``step``."""
        epoch, index = divmod(step, self.steps_per_epoch)
        if epoch != self._epoch:
            self._epoch, self._order = epoch, self._shuffled(epoch)
        chosen = self._order[index * self._batch_size : (index + 1) * self._batch_size]
        return self._inputs[chosen], self._targets[chosen]

    def _shuffled(self, epoch: int) -> Tensor:
        mixed = np.random.SeedSequence((self._seed, epoch)).generate_state(1, np.uint64)
        generator = torch.Generator().manual_seed(int(mixed[0] >> np.uint64(1)))
        return torch.randperm(len(self._inputs), generator=generator).to(self._inputs.device)
