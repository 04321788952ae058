"""One ramp: the training loop under a plan that goes up, until its end or until the loss diverges."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np

from schedules import Schedule
from schedules.pytorch import Plan

from ..errors import ConfigError, Diverged
from ..record.journal import Journal, read
from ..settings.config import AUTO, RunSettings, named
from ..training.build import build
from ..training.experiment import Experiment
from ..training.signals import Stop
from ..training.train import train
from .settings import TASKS, RangeTest
from .suggest import Ramp, end_of

Progress = Callable[[int, float, dict[str, float]], None]


class _Enough(Exception):
    """The loss has diverged: the rest of the ramp would say nothing."""


class _NoCheckpoints:
    """Never checkpointed: a ramp is cheaper to rerun than to resume."""

    def due(self, finished: int) -> bool:
        return False

    def save(self, finished: int) -> None:
        pass

    def judge(self, finished: int, val_loss: float) -> None:
        pass


def build_ramp(settings: RunSettings, test: RangeTest, seed: int) -> Experiment:
    """Return the experiment of one ramp: fresh weights, and constants for all that does not go up.

    The ``schedule`` group plays no part, so that only one thing changes: what it drives otherwise is what
    the ``optimizer`` group says.

    Raises:
        ConfigError: the optimizer has no such hyper-parameter, or ``settings`` cannot be built.
    """
    optimizer = dict(settings.optimizer)
    if optimizer.get("lr") == AUTO:
        if test.hyperparameter != "lr":
            raise ConfigError(
                "optimizer.lr must be a number where another hyper-parameter is tested, got 'auto'"
            )
        optimizer["lr"] = 0.0  # the plan says it
    trainer = replace(settings.trainer, steps=test.steps, epochs=None, tokens=None)
    built = build(replace(settings, optimizer=optimizer, trainer=trainer, seed=seed), plan=Plan())
    try:
        _plan({test.hyperparameter: 0.0}).bind(built.optimizer)  # before its limits are looked at
    except ValueError as error:
        raise ConfigError(f"task.hyperparameter: {error}") from error
    others = {name: curve for name, curve in built.plan.items() if name != _other_name(test.hyperparameter)}
    plan = _plan({**others, test.hyperparameter: test.schedule()})
    return replace(built, plan=plan, write=plan.bind(built.optimizer))


def first_ramp(settings: RunSettings) -> Experiment:
    """Return the experiment of the first ramp of ``task=range_test``; raise as :func:`build_ramp` does."""
    test: RangeTest = named(TASKS, "task", settings.task)
    return build_ramp(settings, test, test.seeds[0])


def _plan(curves: Mapping[str, Schedule | float]) -> Plan:
    return Plan(**curves)  # type: ignore[arg-type]  # names are not "groups"


def _other_name(hyperparameter: str) -> str | None:
    """Return what else the first item of ``betas`` is called."""
    return "momentum" if hyperparameter == "beta1" else None


def climb(made: Experiment, test: RangeTest, path: Path, stop: Stop, on_progress: Progress) -> Ramp:
    """Train up the ramp; return its losses up to where they diverge.

    Losses are read from the device in chunks, as in every run, so some steps more than are returned may
    have been made, and stand in the journal. How many are returned depends on the losses alone.

    Args:
        made: by :func:`build_ramp`.
        test: when to stop.
        path: the journal to write.
        stop: looked at between two updates.
        on_progress: called now and then with the updates finished, the recent loss and the plan's values.

    Raises:
        Interrupted: a stop was asked for.
    """

    def look(finished: int, loss: float, values: dict[str, float]) -> None:
        on_progress(finished, loss, values)
        losses = read(path)["loss"]
        if end_of(losses, test.divergence) < len(losses):
            raise _Enough

    journal = Journal(path, [*made.write(0), *made.update.columns])
    unused = Journal(path.with_suffix(".evaluations"), [])
    with journal, unused, suppress(_Enough, Diverged):
        train(
            model=made.model,
            optimizer=made.optimizer,
            write=made.write,
            batches=made.batches,
            update=made.update,
            first_step=0,
            total_steps=test.steps,
            evaluate_steps=test.steps,
            evaluate_at=None,
            journal=journal,
            evaluations=unused,
            checkpoints=_NoCheckpoints(),
            stop=stop,
            on_progress=look,
        )
    unused.path.unlink()
    rows = read(path)
    rows = rows[: end_of(rows["loss"], test.divergence)]
    values = np.ascontiguousarray(rows[test.hyperparameter])
    losses = np.ascontiguousarray(rows["loss"])
    return Ramp(values, losses, test.steps, is_exponential=test.ramp == "exponential")
