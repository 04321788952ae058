"""What a dataset gives to the loop: examples by number, and the batch of each step."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from .tasks import Task

Pair = tuple[Tensor, Tensor]
"""Inputs and targets of some examples; the first dimension of both counts them."""

Augment = Callable[[Tensor, torch.Generator], Tensor]
"""Changes inputs at random: every draw comes from the generator, which is on their device."""

AHEAD = 4
"""Batches that a stream prepares before they are asked for."""

WORKERS = 2
"""Threads that prepare them."""


class Examples(Protocol):
    """Examples by number."""

    @property
    def device(self) -> torch.device:
        """Device of the indices and of the returned examples."""

    @property
    def streams(self) -> bool:
        """Whether they are read batch by batch instead of being kept on the device."""

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of one input: ``(channels, height, width)`` for images."""

    def __len__(self) -> int: ...

    def take(self, chosen: Tensor) -> Pair:
        """Return the inputs and targets of the examples numbered ``chosen``, shape ``(count,)``, int64."""

    def to(self, device: torch.device) -> Examples:
        """Return the same examples on ``device``; a stream returns itself."""


@dataclass(frozen=True, eq=False)
class Tensors:
    """Examples that fit on the device.

    Attributes:
        inputs: shape ``(examples, *input_shape)``.
        targets: shape ``(examples, ...)``.
    """

    inputs: Tensor
    targets: Tensor
    streams = False

    @property
    def device(self) -> torch.device:
        """The device of both tensors."""
        return self.inputs.device

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of one input: ``(channels, height, width)`` for images."""
        return tuple(self.inputs.shape[1:])

    def __len__(self) -> int:
        return len(self.inputs)

    def take(self, chosen: Tensor) -> Pair:
        """Return the inputs and targets of the examples numbered ``chosen``."""
        return self.inputs[chosen], self.targets[chosen]

    def to(self, device: torch.device) -> Tensors:
        """Return the same examples on ``device``."""
        return replace(self, inputs=self.inputs.to(device), targets=self.targets.to(device))


@dataclass(frozen=True, kw_only=True)
class Data:
    """A dataset.

    Attributes:
        train: what is trained on.
        val: what the model is evaluated on, never trained on.
        task: the loss, and what is measured on ``val``.
        num_outputs: numbers in one output: classes, tokens in the vocabulary, or targets.
        tokens_per_example: tokens in one example, where they are counted.
        augment: changes the inputs of each training batch at random.
    """

    train: Examples
    val: Examples
    task: Task
    num_outputs: int
    tokens_per_example: int | None = None
    augment: Augment | None = None

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of one input: ``(channels, height, width)`` for images, ``(context,)`` for text."""
        return self.train.input_shape

    def to(self, device: torch.device) -> Data:
        """Return the same data, all that does not stream on ``device``."""
        return replace(self, train=self.train.to(device), val=self.val.to(device))

    def check(self, model: str, *tasks: str) -> None:
        """Raise ``ValueError`` where the data are for none of the tasks that ``model`` can do."""
        if self.task.name not in tasks:
            raise ValueError(f"{model} needs data for {' or '.join(tasks)}, got data for {self.task.name}")

    def image_shape(self, model: str) -> tuple[int, int, int]:
        """Return ``(channels, height, width)``; raise ``ValueError`` where the inputs are no images."""
        if len(self.input_shape) != 3:
            raise ValueError(
                f"{model} needs images (channels, height, width), got inputs of shape {self.input_shape}"
            )
        channels, height, width = self.input_shape
        return channels, height, width


class Batches:
    """The training batch of each step: a new random order every epoch, given by the seed and the epoch alone.

    So any step's batch can be asked for at any time, and two runs of one seed see the same order whatever
    their schedule. An epoch has as many whole batches as fit; the order decides which examples it leaves out.
    Augmentation draws from a generator given by the seed and the step alone.

    Args:
        examples: what is trained on.
        batch_size: examples in a batch, at most all of them.
        seed: with the epoch's number, determines the order; with the step, the augmentation.
        augment: changes each batch's inputs at random; ``None`` leaves them.
    """

    def __init__(
        self, examples: Examples, batch_size: int, seed: int, augment: Augment | None = None
    ) -> None:
        self._examples = examples
        self._batch_size = batch_size
        self._seed = seed
        self._augment = augment
        self._held = (-1, torch.empty(0, dtype=torch.int64))
        self.steps_per_epoch = len(examples) // batch_size

    def __call__(self, step: int) -> Pair:
        """Return the inputs and targets of update ``step``."""
        epoch, index = divmod(step, self.steps_per_epoch)
        held = self._held
        if held[0] != epoch:  # read and written as one pair: threads may ask for different epochs
            held = self._held = (epoch, self._shuffled(epoch))
        inputs, targets = self._examples.take(
            held[1][index * self._batch_size : (index + 1) * self._batch_size]
        )
        if self._augment is not None:
            inputs = self._augment(inputs, _generator(inputs.device, self._seed, step, 1))
        return inputs, targets

    def _shuffled(self, epoch: int) -> Tensor:
        generator = _generator(torch.device("cpu"), self._seed, epoch)
        return torch.randperm(len(self._examples), generator=generator).to(self._examples.device)


class Stream:
    """Batches that threads prepare ahead of the loop and that reach the device while it computes.

    They do not change which batch a step has; asking out of order only takes longer.

    Args:
        batches: the batch of each step, on the processor.
        device: where they go; for a GPU through pinned memory.
    """

    def __init__(self, batches: Batches, device: torch.device) -> None:
        self._batches = batches
        self._device = device
        self._pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="batches")
        self._coming: dict[int, Future[Pair]] = {}
        self.steps_per_epoch = batches.steps_per_epoch

    def __call__(self, step: int) -> Pair:
        """Return the inputs and targets of update ``step``, on the device."""
        wanted = range(step, step + 1 + AHEAD)
        for passed in self._coming.keys() - set(wanted):
            self._coming.pop(passed).cancel()
        for each in wanted:
            if each not in self._coming:
                self._coming[each] = self._pool.submit(self._prepare, each)
        inputs, targets = self._coming.pop(step).result()
        return self._arrived(inputs), self._arrived(targets)

    def _prepare(self, step: int) -> Pair:
        inputs, targets = self._batches(step)
        if self._device.type == "cuda":
            return inputs.pin_memory(), targets.pin_memory()
        return inputs, targets

    def _arrived(self, tensor: Tensor) -> Tensor:
        return tensor.to(self._device, non_blocking=True)


def batches(data: Data, batch_size: int, seed: int, device: torch.device) -> Batches | Stream:
    """Return the training batch of each step of ``data`` on ``device``, streamed where the data are."""
    order = Batches(data.train, batch_size, seed, data.augment)
    return Stream(order, device) if data.train.streams else order


def _generator(device: torch.device, *numbers: int) -> torch.Generator:
    """Return a generator that the numbers alone determine."""
    mixed = np.random.SeedSequence(numbers).generate_state(1, np.uint64)
    return torch.Generator(device).manual_seed(int(mixed[0] >> np.uint64(1)))
