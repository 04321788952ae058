"""The training loop. No config library and no tracker: what happens is written into a journal."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from ..errors import Diverged, Interrupted
from .early_stop import EarlyStop
from .experiment import Experiment
from .recorder import NoRecord, Record, Recorder
from .signals import Stop

if TYPE_CHECKING:
    from torch import Tensor

Progress = Callable[[int, float, dict[str, float]], None]
"""Takes the updates finished, the recent loss and the plan's values, now and then."""


class Checkpoints(Protocol):
    """Saves the state of a run."""

    def due(self, finished: int) -> bool:
        """Whether the state after so many updates should be saved."""

    def save(self, finished: int) -> None:
        """Save it."""

    def judge(self, finished: int, val_loss: float) -> None:
        """Record an evaluation; may save the best weights."""


class NoCheckpoints:
    """Saves nothing."""

    def due(self, finished: int) -> bool:
        """Return ``False``: it is never time to save."""
        return False

    def save(self, finished: int) -> None:
        """Do nothing."""

    def judge(self, finished: int, val_loss: float) -> None:
        """Do nothing."""


def _show_nothing(finished: int, loss: float, values: dict[str, float]) -> None:
    """Ignore the progress."""


def _keep_nothing(losses: Tensor) -> None:
    """Let the losses go."""


@dataclass(frozen=True, kw_only=True)
class Hooks:
    """Where a training loop reports, saves and asks whether to end early.

    Attributes:
        journal: takes the plan's values and the update's figures of every step.
        evaluations: takes the loss and the metrics of every evaluation.
        checkpoints: saves the state when it is time to, when stopped, and at the end.
        on_progress: shows how far the run is.
        early_stop: decides after which evaluation to end; ``None`` trains to the last step.
        keep_losses: takes the loss of each validation example at the last evaluation, shape ``(examples,)``.
    """

    journal: Record
    evaluations: Record = field(default_factory=NoRecord)
    checkpoints: Checkpoints = field(default_factory=NoCheckpoints)
    on_progress: Progress = _show_nothing
    early_stop: EarlyStop | None = None
    keep_losses: Callable[[Tensor], None] = _keep_nothing


def train(
    experiment: Experiment,
    hooks: Hooks,
    first_step: int,
    stop: Stop,
    evaluate_steps: int | None = None,
) -> int:
    """Train from ``first_step`` to the end of the budget, evaluating now and then and after the last.

    Args:
        experiment: what is trained. Where several processes train together, each runs this, step by step.
        hooks: where to report and save.
        first_step: updates already finished: 0, or a checkpoint's.
        stop: looked at between two updates.
        evaluate_steps: updates between evaluations [>= 1]; ``None`` never evaluates.

    Returns:
        The updates finished: all of the budget, or fewer after an early stop.

    Raises:
        Diverged: a loss is not finite. The journal holds the steps up to it.
        Interrupted: a stop was asked for. The journal and a checkpoint hold all steps so far.
    """
    early_stop = hooks.early_stop
    if (
        early_stop is not None
        and early_stop.has_ended
        and evaluate_steps
        and first_step % evaluate_steps == 0
    ):
        return first_step  # the run stopped here, and its process was killed before it could record that
    loop = _Loop(experiment, hooks, stop, evaluate_steps)
    experiment.model.train()
    try:
        return loop.run(first_step)
    except Exception as error:
        with suppress(Diverged):  # the error to report is the one that stopped the loop
            loop.recorder.flush()
        if isinstance(error, FloatingPointError):
            raise Diverged(loop.step, loop.recorder.last_finite, "gradient") from error
        raise


class _Loop:
    """One call of :func:`train`: makes the updates, and does what comes between two of them."""

    def __init__(self, experiment: Experiment, hooks: Hooks, stop: Stop, evaluate_steps: int | None) -> None:
        self._experiment = experiment
        self._hooks = hooks
        self._stop = stop
        self._evaluate_steps = evaluate_steps
        self.recorder = Recorder(hooks.journal)
        self.step = 0

    def run(self, first_step: int) -> int:
        """Make the updates from ``first_step`` on; return how many are finished at the end."""
        experiment, add = self._experiment, self.recorder.add
        write, batches, update = experiment.write, experiment.batches, experiment.update
        for step in range(first_step, experiment.total_steps):
            self.step = step
            values = write(step)
            inputs, targets = batches(step)
            figures = update(inputs, targets)
            is_full = add(step, write.used(values), figures.measured())
            if self._ends_after(step + 1, is_full, values):
                return step + 1
        return experiment.total_steps

    def _ends_after(self, finished: int, is_full: bool, values: dict[str, float]) -> bool:
        """Write, evaluate and save what is due after an update; return whether the run ends here.

        Args:
            finished: updates finished.
            is_full: whether the recorder should be flushed.
            values: the plan's, of the last update.
        """
        experiment, checkpoints = self._experiment, self._hooks.checkpoints
        read, save, signum = experiment.ranks.agree(
            is_full, checkpoints.due(finished), self._stop.signum or 0
        )
        last = finished == experiment.total_steps
        if self._evaluate_steps is not None and (last or finished % self._evaluate_steps == 0):
            read = True
            last = self._evaluate(finished) or last
        elif read:
            self.recorder.flush()
        if last or save or signum:
            self._save(finished)
        if signum:
            raise Interrupted(signum)
        if last or read:
            self._hooks.on_progress(finished, self.recorder.loss, values)
        return last

    def _evaluate(self, finished: int) -> bool:
        """Evaluate the model and record it; return whether the run should stop early.

        Raises:
            Diverged: a loss of the steps so far or the validation loss is not finite.
        """
        hooks, experiment = self._hooks, self._experiment
        self.recorder.flush()
        is_last = finished == experiment.total_steps
        evaluation = experiment.evaluate_at(finished, of_each=is_last or hooks.early_stop is not None)
        hooks.evaluations.append(finished, (evaluation.loss, *evaluation.metrics.values()))
        hooks.evaluations.flush()
        if not math.isfinite(evaluation.loss):
            raise Diverged(finished, self.recorder.last_finite, "validation loss")
        hooks.checkpoints.judge(finished, evaluation.loss)
        stops = hooks.early_stop is not None and hooks.early_stop.says(evaluation.loss)
        if (is_last or stops) and evaluation.losses is not None:
            hooks.keep_losses(experiment.ranks.sum(evaluation.losses).cpu())
        return stops

    def _save(self, finished: int) -> None:
        """Save a checkpoint once the journals are on the disk: none is ever ahead of its journal."""
        self.recorder.flush()
        self._hooks.journal.sync()
        self._hooks.evaluations.sync()
        self._hooks.checkpoints.save(finished)
