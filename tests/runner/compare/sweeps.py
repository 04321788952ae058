"""Sweeps made of numbers, as the reader would give them."""

import numpy as np

from runner.compare.analysis import analyse
from runner.compare.model import Collection, Curve, Question, Trained

BEFORE = 2.3  # loss before training, in all of them
EMPTY = Curve(np.empty(0), np.empty(0))
EVALUATIONS = np.array([50.0, 100.0])


def trained(arm, final, /, *, rate=0.1, seed=0, stage="", status="FINISHED", **more):
    """A run of 100 steps whose two evaluations fall to ``final``."""
    fields = {
        "run_id": f"{arm} {rate} {seed} {stage} {status}",
        "name": f"{arm} lr={rate} seed={seed}",
        "total_steps": 100,
        "seconds": 2.0,
        "val_loss": Curve(EVALUATIONS, np.array([final + 0.5, final])),
        "val_accuracy": Curve(EVALUATIONS, np.array([0.8, 0.9])),
        "loss": Curve(np.array([0.0, 99.0]), np.array([BEFORE, final])),
        "lr": Curve(np.array([0.0, 99.0]), np.array([0.1, 0.0])),
    }
    return Trained(arm=arm, rate=rate, seed=seed, stage=stage, status=status, **(fields | more))


def diverged(arm, *, at=12, **more):
    """A run whose loss is not finite from step ``at`` on, before any evaluation."""
    curve = Curve(np.array([0.0, at]), np.array([BEFORE, np.nan]))
    ended = {"val_loss": EMPTY, "val_accuracy": EMPTY, "loss": curve, "reason": f"the loss is nan at {at}"}
    return trained(arm, np.nan, status="FAILED", diverged_at=at, **(ended | more))


def failed(arm, *, status="FAILED", **more):
    """A run that ended after 30 steps for another reason."""
    curve = Curve(np.array([0.0, 29.0]), np.array([BEFORE, 2.0]))
    ended = {"val_loss": EMPTY, "val_accuracy": EMPTY, "loss": curve, "reason": "out of memory"}
    return trained(arm, np.nan, status=status, **(ended | more))


def sweep(*runs, overrides=""):
    """A collection of runs, and of lists of runs."""
    flat = [run for each in runs for run in (each if isinstance(each, list) else [each])]
    tags = {"sweep.overrides": overrides}
    return Collection(
        run_id="p", name="sweep", uri="sqlite:///x", experiment_id="1", started=0, tags=tags, runs=flat
    )


def losses(table, *, rate=0.1, stage="", first_seed=0):
    """Runs of each arm from ``{arm: losses by seed}``."""
    return [
        trained(arm, loss, rate=rate, stage=stage, seed=first_seed + seed)
        for arm, values in table.items()
        for seed, loss in enumerate(values)
    ]


def ask(*runs, overrides="", **question):
    """What the analysis says of a sweep."""
    return analyse(sweep(*runs, overrides=overrides), Question(**question))


def by_arm(items):
    """Figures under the name of their arm."""
    return {item.arm: item for item in items}


def about(lines, *words):
    """The one line that has all of the words."""
    [line] = [each for each in lines if all(word in each for word in words)]
    return line
