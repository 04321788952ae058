"""The machine that a run is on: its device, its kernels, its compiler, its generators."""

from __future__ import annotations

import os
import random

import numpy as np
import torch

from ..errors import ConfigError, reason_of
from .ranks import Ranks, local_rank


def device_of(name: str, ranks: Ranks) -> torch.device:
    """Return the device that ``trainer.device`` names; among several processes, the one of this.

    Raises:
        ConfigError: this machine has no such device.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name == "cuda" and ranks.count > 1:
        name = f"cuda:{local_rank()}"
    try:
        device = torch.device(name)
        torch.zeros(1, device=device).item()
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise ConfigError(
            f"trainer.device must be a device of this machine, got {name!r}: {reason_of(error)}"
        ) from error
    return device


def choose_kernels(device: torch.device, deterministic: bool) -> None:
    """Have torch use kernels that give the same bits every time, or whichever are fastest.

    On a processor they do so anyway. An operation of a GPU that has no such kernel raises where it is met.

    Source:
        https://docs.pytorch.org/docs/stable/notes/randomness.html
    """
    if device.type == "cpu":
        return
    if deterministic:  # cuBLAS reads it at its first product
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(deterministic)
    # torch would fill the memory that nobody has written yet, which nothing here reads
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]


def try_to_compile(device: torch.device) -> None:
    """Raise where torch cannot compile: there may be no compiler, or no driver.

    Raises:
        ConfigError: with torch's reason.
    """
    try:
        torch.compile(torch.sin)(torch.ones(8, device=device))
    except Exception as error:  # of many kinds
        raise ConfigError(
            f"trainer.compile must be false where nothing can be compiled: {reason_of(error)}"
        ) from error


def seed_all(*numbers: int) -> None:
    """Seed every generator by the run's seed, or by it and a rank."""
    if len(numbers) == 1:
        seed = numbers[0]
    else:
        seed = int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0] >> np.uint64(1))
    torch.manual_seed(seed)
    random.seed(seed)  # a plugin's transforms may draw from these
    np.random.seed(seed % 2**32)  # noqa: NPY002
