"""The processes that ``torchrun`` started, training one model together.

Each computes its share of every batch; the first one (rank 0) alone composes the config, keeps the journal
and the checkpoints, talks to MLflow and prints. The others do what it sends them: see
:mod:`runner.training.together`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor, nn
    from torch.optim import Optimizer


def number() -> int:
    """Return this process's place among those that ``torchrun`` started; 0 without it."""
    return int(os.environ.get("RANK", "0")) if count() > 1 else 0


def count() -> int:
    """Return how many processes train together; 1 without ``torchrun``."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def is_together() -> bool:
    """Return whether ``torchrun`` started this process, be it the only one."""
    return count() > 1 or "TORCHELASTIC_RUN_ID" in os.environ


def local_rank() -> int:
    """Return this process's place among those on its machine."""
    return int(os.environ.get("LOCAL_RANK", "0"))


class Ranks:
    """One process that trains alone: it shares nothing and waits for no other."""

    rank = 0
    count = 1
    are_connected = False

    def agree(self, *flags: int) -> tuple[int, ...]:
        """Return, for each flag, the highest value that any process gives. All call this after every step."""
        return flags

    def mean(self, value: Tensor) -> Tensor:
        """Return the mean over all processes of a value on the device."""
        return value

    def sum(self, value: Tensor) -> Tensor:
        """Return the sum over all processes of a value on the device."""
        return value

    def whole(self, value: Tensor) -> Tensor:
        """Return a tensor that may be in parts, in one piece."""
        return value

    def collect(self, state: dict[str, Any]) -> dict[str, Any]:
        """Return a ``state_dict`` with every sharded tensor in one piece; complete on rank 0 only."""
        return state

    def load_model(self, model: nn.Module, state: dict[str, Any]) -> None:
        """Put a whole ``state_dict`` into a model."""
        model.load_state_dict(state)

    def load_optimizer(self, optimizer: Optimizer, state: dict[str, Any]) -> None:
        """Put a whole ``state_dict`` into an optimizer."""
        optimizer.load_state_dict(state)

    def gather(self, value: Any) -> list[Any]:
        """Return what each process holds, in the order of their ranks; complete on rank 0 only."""
        return [value]

    def send(self, value: Any) -> Any:
        """Return what rank 0 holds."""
        return value

    @contextmanager
    def together(self) -> Iterator[None]:
        """If one rank raises :class:`ConfigError`, raise it on every rank.

        Raises:
            ConfigError: the first rank's that raised one.
        """
        yield

    def shard(self, model: nn.Module) -> None:
        """Let each process keep a part of every parameter: called before the optimizer is made."""

    def connect(
        self, model: nn.Module
    ) -> tuple[Callable[[Tensor], Tensor], Callable[[], AbstractContextManager[Any]]]:
        """Return the wrapped forward, and the context in which gradients are not exchanged."""
        return model, nullcontext

    def leave(self) -> None:
        """End the connection."""


ALONE = Ranks()
