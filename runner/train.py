"""The training loop. Plain arguments: no config library, no tracker; what happens is written in a journal."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from schedules.pytorch import Writer

from .data import Batches
from .errors import Diverged
from .journal import Journal
from .signals import Stop

Loss = Callable[[Tensor, Tensor], Tensor]

READ_EVERY = 64
"""Losses stay on the device for this many steps: reading one makes the processor wait for the device."""

READ_MILLISECONDS = 500
"""Slow steps are written sooner: this is how much of a run a kill can take out of its journal."""


class Checkpoints(Protocol):
    """Saves the state of a run."""

    def due(self, finished: int) -> bool:
        """Whether the state after so many updates should be saved."""

    def save(self, finished: int) -> None:
        """Save it."""


@dataclass
class Evaluation:
    """How the model does on data it never trains on, after ``step`` updates."""

    step: int
    loss: float
    accuracy: float


class Recorder:
    """Writes every step into the journal; the losses are read from the device in chunks."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._rows: list[tuple[int, int, tuple[float, ...]]] = []
        self._losses: list[Tensor] = []
        self.last_finite: float | None = None
        self.loss = math.nan

    def add(self, step: int, values: tuple[float, ...], loss: Tensor) -> bool:
        """Note one step; ``loss`` is not waited for, but in every so many; return whether it was."""
        rows = self._rows
        when = time.time_ns() // 1_000_000
        rows.append((step, when, values))
        self._losses.append(loss.detach())
        if len(rows) < READ_EVERY and when - rows[0][1] < READ_MILLISECONDS:
            return False
        self.flush()
        return True

    def flush(self) -> None:
        """Wait for the losses noted so far and write their rows.

        Raises:
            Diverged: a loss is not finite; the rows up to and including it are written.
        """
        if not self._rows:
            return
        losses = torch.stack(self._losses).double().tolist()
        rows, self._rows, self._losses = self._rows, [], []
        try:
            for (step, when, values), loss in zip(rows, losses, strict=True):
                self._journal.append(step, (*values, loss), when)
                if not math.isfinite(loss):
                    raise Diverged(step, self.last_finite)
                self.last_finite = loss
        finally:
            self._journal.flush()
        self.loss = sum(losses) / len(losses)


def evaluate(model: nn.Module, inputs: Tensor, targets: Tensor, loss_of: Loss, step: int) -> Evaluation:
    """Return mean loss and accuracy over all of ``inputs``, in evaluation mode and without gradients."""
    model.eval()
    total, right = 0.0, 0
    with torch.no_grad():
        for x, y in zip(inputs.split(1024), targets.split(1024), strict=True):
            outputs = model(x)
            total += float(loss_of(outputs, y)) * len(x)
            right += int((outputs.argmax(dim=-1) == y).sum())
    model.train()
    return Evaluation(step, total / len(inputs), right / len(inputs))


def train(
    *,
    model: nn.Module,
    optimizer: Optimizer,
    write: Writer,
    batches: Batches,
    loss_of: Loss,
    first_step: int,
    total_steps: int,
    evaluate_at: Callable[[int], Evaluation] | None,
    journal: Journal,
    evaluations: Journal,
    checkpoints: Checkpoints,
    stop: Stop,
    on_progress: Callable[[int, float, dict[str, float]], None],
) -> None:
    """Train from ``first_step`` to ``total_steps`` updates, evaluating after each epoch and after the last.

    Args:
        model: in training mode, on the device of the batches.
        optimizer: of the model's parameters.
        write: writes the plan into ``optimizer``; called with the step before each update.
        batches: the batch of each step.
        loss_of: mean loss of outputs and targets.
        first_step: updates already finished: 0, or a checkpoint's.
        total_steps: updates finished at the end [>= 1].
        evaluate_at: evaluates the model after so many updates; ``None`` never does.
        journal: takes the plan's values and the loss of every step.
        evaluations: takes the loss and accuracy of every evaluation.
        checkpoints: saves the state when it is time to, when stopped, and at the end.
        stop: looked at between two updates.
        on_progress: told the updates finished, the recent loss and the plan's values, now and then.

    Raises:
        Diverged: a loss is not finite. The journal holds the steps up to it.
        Interrupted: a stop was asked for. The journal and a checkpoint hold all steps so far.
    """
    recorder = Recorder(journal)
    model.train()
    try:
        for step in range(first_step, total_steps):
            values = write(step)
            inputs, targets = batches(step)
            loss = loss_of(model(inputs), targets)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            told = recorder.add(step, used(values, optimizer), loss)

            finished = step + 1
            last_of_epoch = finished % batches.steps_per_epoch == 0 or finished == total_steps
            if evaluate_at is not None and last_of_epoch:
                recorder.flush()
                evaluation = evaluate_at(finished)
                evaluations.append(finished, (evaluation.loss, evaluation.accuracy))
                evaluations.flush()
                if not math.isfinite(evaluation.loss):
                    raise Diverged(finished, recorder.last_finite, "validation loss")
            if finished == total_steps or stop.signum is not None or checkpoints.due(finished):
                recorder.flush()
                journal.sync()  # no checkpoint is ever ahead of its journal
                evaluations.sync()
                checkpoints.save(finished)
            stop.check()
            if told or finished == total_steps:
                on_progress(finished, recorder.loss, values)
    except Exception:
        with suppress(Diverged):  # what stopped the loop is the news
            recorder.flush()
        raise


def used(values: dict[str, float], optimizer: Optimizer) -> tuple[float, ...]:
    """Return what the optimizer's first group really holds of each value that the plan wrote."""
    group = optimizer.param_groups[0]
    held = []
    for name, value in values.items():
        if name in group and f"{name}_scale" not in group:
            held.append(float(group[name]))
        elif name == "momentum" and "betas" in group:
            held.append(float(group["betas"][0]))
        else:
            held.append(value)
    return tuple(held)
