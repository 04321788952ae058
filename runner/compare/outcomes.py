"""What a run counts for: its final loss, or the loss before training where it diverged."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np

from .findings import Ledger
from .model import Trained


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """A run that counts: it finished, or it diverged.

    Attributes:
        run: as MLflow has it.
        final: loss at the last evaluation; of a diverged run the loss before training.
        best: lowest evaluation, of a diverged run among those before; the loss before training without any.
        accuracy: at the last evaluation, 0 of a diverged run; ``None`` where the run has none.
        diverged: whether a loss was not finite.
    """

    run: Trained
    final: float
    best: float
    accuracy: float | None
    diverged: bool


def outcomes(runs: list[Trained]) -> list[Outcome]:
    """Return what each run that finished or diverged counts for, in their order; leave out the others.

    Under one seed every schedule starts from the same loss, so a diverged run counts the same whichever
    schedule it had: its loss at the first step, else the largest such loss of the sweep.
    """
    largest = loss_before_training(runs)
    accuracies = any(len(run.val_accuracy.values) for run in runs)
    return [_outcome(run, largest, accuracies) for run in runs if counts(run)]


def _outcome(run: Trained, largest: float, accuracies: bool) -> Outcome:
    finite = run.val_loss.values[np.isfinite(run.val_loss.values)]
    if diverged(run):
        before = _first_loss(run)
        before = largest if before is None else before
        best = float(finite.min(initial=before))
        return Outcome(run=run, final=before, best=best, accuracy=0.0 if accuracies else None, diverged=True)
    accuracy = float(run.val_accuracy.values[-1]) if len(run.val_accuracy.values) else None
    final = float(run.val_loss.values[-1])
    return Outcome(run=run, final=final, best=float(finite.min()), accuracy=accuracy, diverged=False)


def diverged(run: Trained) -> bool:
    """Say whether a training loss, or the last evaluation, is not finite."""
    values = run.val_loss.values
    return run.diverged_at is not None or (len(values) > 0 and not np.isfinite(values[-1]))


def counts(run: Trained) -> bool:
    """Say whether a run has a result: it diverged, or it finished and was evaluated."""
    return diverged(run) or (run.status == "FINISHED" and len(run.val_loss.values) > 0)


def loss_before_training(runs: list[Trained]) -> float:
    """Return the largest loss at a first step; without any, the largest evaluation; else infinity."""
    firsts = [loss for loss in map(_first_loss, runs) if loss is not None]
    if firsts:
        return max(firsts)
    seen = np.concatenate([run.val_loss.values for run in runs] or [np.empty(0)])
    return float(seen[np.isfinite(seen)].max(initial=-np.inf)) if np.isfinite(seen).any() else np.inf


def _first_loss(run: Trained) -> float | None:
    values = run.loss.values
    return float(values[0]) if len(values) and np.isfinite(values[0]) else None


def steps_to(target: float, run: Trained) -> tuple[float, bool]:
    """Return the updates until an evaluation is at or below ``target``, or those spent without; and which.

    A run that reaches the target and diverges later has reached it.
    """
    below = np.flatnonzero(run.val_loss.values <= target)
    return (float(run.val_loss.steps[below[0]]), True) if len(below) else (float(steps_spent(run)), False)


def steps_spent(run: Trained) -> int:
    """Return the updates that a run made: all of a finished one, else as many as its curves show."""
    if run.status == "FINISHED":
        return run.total_steps
    if run.diverged_at is not None:
        return run.diverged_at + 1
    last = run.loss.steps[-1] + 1 if len(run.loss.steps) else 0
    return int(max(last, run.val_loss.steps[-1] if len(run.val_loss.steps) else 0))


def ledger(runs: list[Trained]) -> Ledger:
    """Add up what all runs cost. A run that is still going is in the sums alone."""
    kinds = Counter("DIVERGED" if diverged(run) else run.status for run in runs)
    return Ledger(
        runs=len(runs),
        finished=kinds["FINISHED"],
        diverged=kinds["DIVERGED"],
        failed=kinds["FAILED"],
        killed=kinds["KILLED"],
        steps=sum(map(steps_spent, runs)),
        seconds=float(sum(run.seconds for run in runs)),
    )
