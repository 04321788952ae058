"""The training loop. Plain arguments: no config library, no tracker; what happens is written in a journal."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from schedules.pytorch import Writer

from ..errors import Diverged, Interrupted
from ..trainables.data import Batches, Examples, Stream
from ..trainables.tasks import Task
from .early_stop import EarlyStop
from .ranks import ALONE, Ranks, Share
from .signals import Stop
from .update import Update

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

    def judge(self, finished: int, val_loss: float) -> None:
        """Be told of an evaluation: the best weights may be kept."""


class Record(Protocol):
    """Takes rows of numbers: a :class:`runner.journal.Journal`."""

    def append(self, step: int, values: Sequence[float], milliseconds: int | None = None) -> None:
        """Add a row."""

    def flush(self) -> None:
        """Hand all rows to the operating system."""

    def sync(self) -> None:
        """Hand all rows to the disk."""


@dataclass
class Evaluation:
    """How the model does on data it never trains on, after ``step`` updates.

    ``metrics`` are the task's other figures, by name: ``accuracy`` for classification.
    """

    step: int
    loss: float
    metrics: dict[str, float] = field(default_factory=dict)


class Recorder:
    """Writes every step into the journal; its figures are read from the device in chunks."""

    def __init__(self, journal: Record) -> None:
        self._journal = journal
        self._rows: list[tuple[int, int, tuple[float, ...]]] = []
        self._figures: list[tuple[Tensor, ...]] = []
        self.last_finite: float | None = None
        self.loss = math.nan

    def add(self, step: int, values: tuple[float, ...], figures: tuple[Tensor, ...]) -> bool:
        """Note one step, the loss first of its figures; return whether it is time to :meth:`flush`.

        The figures are not waited for.
        """
        rows = self._rows
        when = time.time_ns() // 1_000_000
        rows.append((step, when, values))
        self._figures.append(figures)
        return len(rows) >= READ_EVERY or when - rows[0][1] >= READ_MILLISECONDS

    def flush(self) -> None:
        """Wait for the figures noted so far and write their rows.

        Raises:
            Diverged: a loss is not finite; the rows up to and including it are written.
        """
        if not self._rows:
            return
        columns = [torch.stack(column).double().tolist() for column in zip(*self._figures, strict=True)]
        rows, self._rows, self._figures = self._rows, [], []
        try:
            for (step, when, values), *figures in zip(rows, *columns, strict=True):
                self._journal.append(step, (*values, *figures), when)
                if not math.isfinite(figures[0]):
                    raise Diverged(step, self.last_finite)
                self.last_finite = figures[0]
        finally:
            self._journal.flush()
        self.loss = sum(columns[0]) / len(rows)


def evaluate(
    model: nn.Module,
    examples: Examples,
    task: Task,
    step: int,
    *,
    device: torch.device,
    batch_size: int,
    ranks: Ranks = ALONE,
) -> Evaluation:
    """Return the task's loss and metrics over all examples, in evaluation mode and without gradients.

    The model is in training mode afterwards. ``batch_size`` is how many examples it sees at once.
    """
    model.eval()
    totals = torch.zeros(1 + len(task.means), dtype=torch.float64, device=device)
    with torch.no_grad():
        for chosen in torch.arange(len(examples), device=examples.device).split(batch_size * ranks.count):
            mine = chosen.tensor_split(ranks.count)[ranks.rank]
            some = mine if len(mine) else chosen[:1]  # sharded models compute in step: each takes its turn
            inputs, targets = (each.to(device) for each in examples.take(some))
            outputs = model(inputs)
            means = [mean(outputs, targets).double() for mean in (task.loss, *task.means.values())]
            totals += torch.stack(means) * len(mine)
    model.train()
    loss, *others = (ranks.sum(totals) / len(examples)).tolist()
    metrics = dict(zip(task.means, others, strict=True))
    return Evaluation(step, loss, metrics | {name: of(loss) for name, of in task.of_loss.items()})


def train(
    *,
    model: nn.Module,
    optimizer: Optimizer,
    write: Writer,
    batches: Batches | Stream | Share,
    update: Update,
    first_step: int,
    total_steps: int,
    evaluate_steps: int,
    evaluate_at: Callable[[int], Evaluation] | None,
    journal: Record,
    evaluations: Record,
    checkpoints: Checkpoints,
    stop: Stop,
    on_progress: Callable[[int, float, dict[str, float]], None],
    early_stop: EarlyStop | None = None,
    ranks: Ranks = ALONE,
) -> int:
    """Train from ``first_step`` to ``total_steps`` updates, evaluating every so many and after the last.

    Args:
        model: what is trained, on the device of the batches.
        optimizer: of the model's parameters.
        write: writes the plan into ``optimizer``; called with the step before each update.
        batches: the batch of each step.
        update: trains on one batch.
        first_step: updates already finished: 0, or a checkpoint's.
        total_steps: updates finished at the end [>= 1].
        evaluate_steps: updates between evaluations [>= 1].
        evaluate_at: evaluates the model after so many updates; ``None`` never does.
        journal: takes the plan's values and the update's figures of every step.
        evaluations: takes the loss and the metrics of every evaluation.
        checkpoints: saves the state when it is time to, when stopped, and at the end.
        stop: looked at between two updates.
        on_progress: told the updates finished, the recent loss and the plan's values, now and then.
        early_stop: says after which evaluation to end; ``None`` never does.
        ranks: the processes that train together: all run this loop, step by step.

    Returns:
        The updates finished: ``total_steps``, or fewer after an early stop.

    Raises:
        Diverged: a loss is not finite. The journal holds the steps up to it.
        Interrupted: a stop was asked for. The journal and a checkpoint hold all steps so far.
    """
    if early_stop is not None and early_stop.has_ended and first_step % evaluate_steps == 0:
        return first_step  # a process that was killed before it could say so stopped here
    recorder = Recorder(journal)
    model.train()
    try:
        for step in range(first_step, total_steps):
            values = write(step)
            inputs, targets = batches(step)
            figures = update(inputs, targets)
            due = recorder.add(step, used(values, optimizer), figures)

            finished = step + 1
            last = finished == total_steps
            read, save, signum = ranks.agree(due, checkpoints.due(finished), stop.signum or 0)
            if read:
                recorder.flush()
            if evaluate_at is not None and (last or finished % evaluate_steps == 0):
                read = True
                recorder.flush()
                evaluation = evaluate_at(finished)
                evaluations.append(finished, (evaluation.loss, *evaluation.metrics.values()))
                evaluations.flush()
                if not math.isfinite(evaluation.loss):
                    raise Diverged(finished, recorder.last_finite, "validation loss")
                checkpoints.judge(finished, evaluation.loss)
                last = last or (early_stop is not None and early_stop.says(evaluation.loss))
            if last or save or signum:
                recorder.flush()
                journal.sync()  # no checkpoint is ever ahead of its journal
                evaluations.sync()
                checkpoints.save(finished)
            if signum:
                raise Interrupted(signum)
            if last or read:
                on_progress(finished, recorder.loss, values)
            if last:
                return finished
    except Exception as error:
        with suppress(Diverged):  # what stopped the loop is the news
            recorder.flush()
        if isinstance(error, FloatingPointError):
            raise Diverged(step, recorder.last_finite, "gradient") from error
        raise
    return total_steps


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
