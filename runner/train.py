"""The training loop. Plain arguments: no config library, no tracker; what happens is written in a journal."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from schedules.pytorch import Writer

from .data import Batches
from .errors import Diverged
from .journal import Journal

Loss = Callable[[Tensor, Tensor], Tensor]

READ_EVERY = 64
"""Losses stay on the device for this many steps: reading one makes the processor wait for the device."""


@dataclass
class Evaluation:
    """How the model does on data it never trains on, after ``step`` updates."""

    step: int
    loss: float
    accuracy: float


@dataclass
class Result:
    """What came out of a run.

    Attributes:
        evaluations: in order of their steps.
        loss: mean training loss of the last ``READ_EVERY`` steps at most.
        seconds: time in the loop, evaluations included.
    """

    evaluations: list[Evaluation] = field(default_factory=list)
    loss: float = math.nan
    seconds: float = 0.0

    @property
    def final(self) -> Evaluation:
        """The evaluation of the last step."""
        return self.evaluations[-1]

    @property
    def best(self) -> Evaluation:
        """The evaluation of highest accuracy, and among equals of lowest loss."""
        return min(self.evaluations, key=lambda e: (-e.accuracy, e.loss))


class Recorder:
    """Writes every step into the journal; the losses are read from the device in chunks."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._rows: list[tuple[int, int, tuple[float, ...]]] = []
        self._losses: list[Tensor] = []
        self._recent: deque[float] = deque(maxlen=READ_EVERY)
        self._last_finite: float | None = None

    @property
    def mean_loss(self) -> float:
        """Mean of the losses read last, of ``READ_EVERY`` steps at most."""
        return sum(self._recent) / len(self._recent) if self._recent else math.nan

    def add(self, step: int, values: tuple[float, ...], loss: Tensor) -> None:
        """Note one step; ``loss`` is not waited for."""
        self._rows.append((step, time.time_ns() // 1_000_000, values))
        self._losses.append(loss.detach())
        if len(self._rows) == READ_EVERY:
            self.flush()

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
                    raise Diverged(step, self._last_finite)
                self._last_finite = loss
                self._recent.append(loss)
        finally:
            self._journal.flush()


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
    total_steps: int,
    evaluate_at: Callable[[int], Evaluation],
    journal: Journal,
    evaluations: Journal,
    on_progress: Callable[[int, float, dict[str, float]], None],
) -> Result:
    """Train for ``total_steps`` updates, evaluating after each epoch and after the last update.

    Args:
        model: in training mode, on the device of the batches.
        optimizer: of the model's parameters.
        write: writes the plan into ``optimizer``; called with the step before each update.
        batches: the batch of each step.
        loss_of: mean loss of outputs and targets.
        total_steps: updates to make [>= 1].
        evaluate_at: evaluates the model after so many updates.
        journal: takes the plan's values and the loss of every step.
        evaluations: takes the loss and accuracy of every evaluation.
        on_progress: told the updates finished, the recent loss and the plan's values, now and then.

    Returns:
        The evaluations, the last training loss and the time.

    Raises:
        Diverged: a loss is not finite. The journal holds the steps up to it.
    """
    result, recorder, started = Result(), Recorder(journal), time.perf_counter()
    model.train()
    try:
        for step in range(total_steps):
            values = write(step)
            inputs, targets = batches(step)
            loss = loss_of(model(inputs), targets)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            recorder.add(step, tuple(values.values()), loss)

            finished = step + 1
            if finished % batches.steps_per_epoch == 0 or finished == total_steps:
                recorder.flush()
                evaluation = evaluate_at(finished)
                evaluations.append(finished, (evaluation.loss, evaluation.accuracy))
                evaluations.flush()
                result.evaluations.append(evaluation)
            if finished % READ_EVERY == 0 or finished == total_steps:
                on_progress(finished, recorder.mean_loss, values)
    except BaseException:
        with suppress(Diverged):  # what stopped the loop is the news
            recorder.flush()
        raise
    result.loss, result.seconds = recorder.mean_loss, time.perf_counter() - started
    return result
