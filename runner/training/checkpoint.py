"""Checkpoints: everything that decides what happens next, written so that a crash leaves one whole."""

from __future__ import annotations

import pickle
import random
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn
from torch.optim import Optimizer
from torch.optim.swa_utils import AveragedModel

import schedules
from schedules.pytorch import Plan

from ..errors import ConfigError, reason_of
from ..optimizers import modes
from ..record.files import write_atomically
from .early_stop import Lowest
from .ranks import ALONE, Ranks
from .update import Update

if TYPE_CHECKING:
    from ..settings.trainer import TrainerSettings
    from .experiment import Experiment

FORMAT = 2


def state_of(
    *,
    step: int,
    plan: str,
    model: nn.Module,
    optimizer: Optimizer,
    update: Update,
    averaged: AveragedModel | None = None,
    ranks: Ranks = ALONE,
) -> dict[str, Any]:
    """Return the state after ``step`` updates; called by all processes that train together, for rank 0.

    The order of the data is a function of the seed and the step, so the step is its whole state.

    Args:
        step: updates finished.
        plan: the plan's fingerprint, so that another plan is noticed.
        model: its parameters and buffers are kept.
        optimizer: its state and groups are kept.
        update: its loss scale is kept.
        averaged: the moving average of the model, kept where there is one.
        ranks: the processes; every one's generators are kept.
    """
    return {
        "format": FORMAT,
        "step": step,
        "plan": plan,
        "model": ranks.collect(model.state_dict()),
        "optimizer": ranks.collect(optimizer.state_dict()),
        "update": update.state_dict(),
        "averaged": averaged.state_dict() if averaged is not None else None,
        "random": ranks.gather(_random_state(ranks)),
    }


def save(path: Path, state: dict[str, Any], keep_as: Path | None = None) -> None:
    """Write a checkpoint; the one before is kept as ``*.previous.pt``.

    Args:
        path: the file, ``checkpoint.pt``.
        state: what :func:`state_of` returns.
        keep_as: a second name for the same file, which later checkpoints leave alone.
    """
    fresh = path.with_suffix(f".fresh{path.suffix}")
    write_atomically(fresh, lambda file: torch.save(state, file))
    if keep_as is not None:  # first: a kill after it repeats the steps up to here, and this
        keep_as.unlink(missing_ok=True)
        keep_as.hardlink_to(fresh)
    if path.exists():
        path.replace(previous(path))
    fresh.replace(path)  # a kill before this leaves the previous one


def previous(path: Path) -> Path:
    """Return where the checkpoint before the last one is."""
    return path.with_suffix(f".previous{path.suffix}")


def best(path: Path) -> Path:
    """Return where the weights of the lowest validation loss are."""
    return path.with_suffix(f".best{path.suffix}")


def kept(path: Path) -> dict[int, Path]:
    """Return the periodic checkpoints by their steps, earliest first."""
    named = {file.suffixes[-2][1:]: file for file in path.parent.glob(f"{path.stem}.*{path.suffix}")}
    return {int(step): named[step] for step in sorted(filter(str.isdecimal, named), key=int)}


def load(path: Path, at_most: int) -> dict[str, Any] | None:
    """Return the last whole checkpoint; ``None`` when there is none, and the run begins again.

    Args:
        path: the file, ``checkpoint.pt``.
        at_most: rows in the journal. A checkpoint of a later step is skipped: the machine lost power before
            the rows up to it were on the disk.

    Raises:
        ConfigError: the file was written by another version.
    """
    for file in (path, previous(path)):
        if not file.exists():
            continue
        try:
            state: dict[str, Any] = torch.load(file, map_location="cpu", weights_only=True)
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


def restore(
    state: dict[str, Any],
    *,
    model: nn.Module,
    optimizer: Optimizer,
    update: Update,
    averaged: AveragedModel | None = None,
    ranks: Ranks = ALONE,
) -> int:
    """Put a checkpoint's state in place, of as many processes as now; return the updates finished."""
    ranks.load_model(model, state["model"])
    ranks.load_optimizer(optimizer, state["optimizer"])
    update.load_state_dict(state["update"])
    if averaged is not None:
        averaged.load_state_dict(state["averaged"])
    _set_random_state(state["random"][ranks.rank], ranks)
    return int(state["step"])


def _random_state(ranks: Ranks) -> dict[str, Any]:
    """Return every generator's state, in types that ``weights_only`` loading allows."""
    version, inner, gauss = random.getstate()
    name, keys, position, has_gauss, cached = np.random.get_state()  # noqa: NPY002  what users may draw from
    return {
        "torch": torch.get_rng_state(),
        "cuda": _cuda_state(ranks) if torch.cuda.is_available() else [],
        "python": [version, list(inner), gauss],
        "numpy": [name, torch.from_numpy(np.asarray(keys).astype(np.int64)), position, has_gauss, cached],
    }


def _cuda_state(ranks: Ranks) -> list[torch.Tensor]:
    """Return the state of every GPU that this process may use: its own one among several processes."""
    return torch.cuda.get_rng_state_all() if ranks.count == 1 else [torch.cuda.get_rng_state()]


def _set_random_state(state: dict[str, Any], ranks: Ranks) -> None:
    torch.set_rng_state(state["torch"].cpu())
    if state["cuda"] and torch.cuda.is_available():
        if ranks.count == 1:
            torch.cuda.set_rng_state_all([each.cpu() for each in state["cuda"]])
        else:
            torch.cuda.set_rng_state(state["cuda"][0].cpu())
    version, inner, gauss = state["python"]
    random.setstate((version, tuple(inner), gauss))
    name, keys, position, has_gauss, cached = state["numpy"]
    legacy = (name, keys.cpu().numpy().astype(np.uint32), position, has_gauss, cached)
    np.random.set_state(legacy)  # noqa: NPY002


class Saver:
    """Decides when the state is saved, and saves it; in every process, rank 0 writing.

    Args:
        path: the file.
        experiment: what to save.
        settings: ``checkpoint_steps`` or ``checkpoint_seconds``, and which checkpoints are kept.
        past: validation losses of the evaluations before this process.
    """

    def __init__(
        self, path: Path, experiment: Experiment, settings: TrainerSettings, past: Iterable[float] = ()
    ) -> None:
        self._path = path
        self._experiment = experiment
        self._settings = settings
        self._last = time.monotonic()
        self._lowest = Lowest()
        for loss in past:
            self._lowest.observe(loss)

    def due(self, finished: int) -> bool:
        """Whether enough steps, or enough time, have passed."""
        if self._is_periodic(finished):
            return True
        if self._settings.checkpoint_steps is not None:
            return finished % self._settings.checkpoint_steps == 0
        return time.monotonic() - self._last >= self._settings.checkpoint_seconds

    def _is_periodic(self, finished: int) -> bool:
        """Whether the checkpoint after so many updates is kept beside the later ones."""
        return self._settings.keep_every is not None and finished % self._settings.keep_every == 0

    def save(self, finished: int) -> None:
        """Write a checkpoint after so many updates; prune periodic checkpoints beyond ``keep_most``."""
        made = self._experiment
        state = state_of(step=finished, plan=fingerprint_of(made.plan), **made.saved)
        if made.ranks.rank == 0:
            periodic = self._path.with_suffix(f".{finished}{self._path.suffix}")
            save(self._path, state, periodic if self._is_periodic(finished) else None)
            if self._settings.keep_most is not None:
                for file in list(kept(self._path).values())[: -self._settings.keep_most]:
                    file.unlink()
        self._last = time.monotonic()

    def judge(self, finished: int, val_loss: float) -> None:
        """Record an evaluation; save its weights where ``keep_best`` asks for it and no loss was lower."""
        if not (self._lowest.observe(val_loss) and self._settings.keep_best):
            return
        made = self._experiment
        with modes.averaged(made.optimizer):
            weights = made.ranks.collect(made.judged.state_dict())
        state = {"format": FORMAT, "step": finished, "val_loss": val_loss, "model": weights}
        if made.ranks.rank == 0:
            write_atomically(best(self._path), lambda file: torch.save(state, file))


def fingerprint_of(plan: Plan) -> str:
    """Return a text that is the same for two plans exactly when their schedules are."""
    return " ".join(f"{name}:{schedules.fingerprint(plan[name])}" for name in sorted(plan))
