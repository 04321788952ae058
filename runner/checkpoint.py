"""Checkpoints: everything that decides what happens next, written so that a crash leaves one whole."""

from __future__ import annotations

import pickle
import random
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn
from torch.optim import Optimizer

import schedules
from schedules.pytorch import Plan

from .directory import write_atomically
from .errors import ConfigError, reason_of

if TYPE_CHECKING:
    from .build import Experiment
    from .config import TrainerSettings

FORMAT = 1


def save(path: Path, *, step: int, plan: str, model: nn.Module, optimizer: Optimizer) -> None:
    """Write the state after ``step`` updates; the checkpoint before stays as ``*.previous.pt``.

    The order of the data is a function of the seed and the step, so the step is its whole state.

    Args:
        path: the file, ``checkpoint.pt``.
        step: updates finished.
        plan: the plan's fingerprint, so that another plan is noticed.
        model: its parameters and buffers are kept.
        optimizer: its state and groups are kept.
    """
    state = {
        "format": FORMAT,
        "step": step,
        "plan": plan,
        "model": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "random": _random_state(),
    }
    fresh = path.with_suffix(f".fresh{path.suffix}")
    write_atomically(fresh, lambda file: torch.save(state, file))
    if path.exists():
        path.replace(previous(path))
    fresh.replace(path)  # a kill before this leaves the previous one


def previous(path: Path) -> Path:
    """Return where the checkpoint before the last one is."""
    return path.with_suffix(f".previous{path.suffix}")


def load(path: Path, device: torch.device, at_most: int) -> dict[str, Any] | None:
    """Return the last whole checkpoint; ``None`` when there is none, and the run begins again.

    Args:
        path: the file, ``checkpoint.pt``.
        device: where its tensors go.
        at_most: rows in the journal. A checkpoint of a later step is left out: its run lost power, and the
            rows before it never reached the disk.

    Raises:
        ConfigError: the file was written by another version.
    """
    for file in (path, previous(path)):
        if not file.exists():
            continue
        try:
            state: dict[str, Any] = torch.load(file, map_location=device, weights_only=True)
        except (RuntimeError, OSError, EOFError, ValueError, KeyError, pickle.UnpicklingError) as error:
            print(
                f"warning: {file} cannot be read ({reason_of(error)}); an older state is used",
                file=sys.stderr,
            )
            continue
        if state.get("format") != FORMAT:
            raise ConfigError(f"{file} must be a checkpoint of format {FORMAT}, got {state.get('format')}")
        if state["step"] <= at_most:
            return state
        print(f"warning: {file} is ahead of the journal; an older state is used", file=sys.stderr)
    return None


def restore(state: dict[str, Any], model: nn.Module, optimizer: Optimizer) -> int:
    """Put a checkpoint's state in place; return the updates finished."""
    model.load_state_dict(state["model"])
    optimizer.load_state_dict(state["optimizer"])
    _set_random_state(state["random"])
    return int(state["step"])


def _random_state() -> dict[str, Any]:
    """Return every generator's state, in types that ``weights_only`` loading allows."""
    version, inner, gauss = random.getstate()
    name, keys, position, has_gauss, cached = np.random.get_state()  # noqa: NPY002  what users may draw from
    return {
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
        "python": [version, list(inner), gauss],
        "numpy": [name, torch.from_numpy(np.asarray(keys).astype(np.int64)), position, has_gauss, cached],
    }


def _set_random_state(state: dict[str, Any]) -> None:
    torch.set_rng_state(state["torch"].cpu())
    if state["cuda"]:
        torch.cuda.set_rng_state_all([each.cpu() for each in state["cuda"]])
    version, inner, gauss = state["python"]
    random.setstate((version, tuple(inner), gauss))
    name, keys, position, has_gauss, cached = state["numpy"]
    legacy = (name, keys.cpu().numpy().astype(np.uint32), position, has_gauss, cached)
    np.random.set_state(legacy)  # noqa: NPY002


class Saver:
    """Decides when the state is saved, and saves it.

    Args:
        path: the file.
        experiment: what to save.
        settings: ``checkpoint_steps``, or ``checkpoint_seconds``.
    """

    def __init__(self, path: Path, experiment: Experiment, settings: TrainerSettings) -> None:
        self._path = path
        self._experiment = experiment
        self._steps = settings.checkpoint_steps
        self._seconds = settings.checkpoint_seconds
        self._last = time.monotonic()

    def due(self, finished: int) -> bool:
        """Whether enough steps, or enough time, have passed."""
        if self._steps is not None:
            return finished % self._steps == 0
        return time.monotonic() - self._last >= self._seconds

    def save(self, finished: int) -> None:
        """Write a checkpoint after so many updates."""
        made = self._experiment
        plan = fingerprint_of(made.plan)
        save(self._path, step=finished, plan=plan, model=made.model, optimizer=made.optimizer)
        self._last = time.monotonic()


def fingerprint_of(plan: Plan) -> str:
    """Return a text that is the same for two plans exactly when their schedules are."""
    return " ".join(f"{name}:{schedules.fingerprint(plan[name])}" for name in sorted(plan))
