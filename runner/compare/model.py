"""What is compared: the runs of a sweep as plain data, and what is asked of them.

An *arm* is what competes: a schedule, with whatever else the sweep varied except the peak rate and the seed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Curve:
    """A metric over steps.

    Attributes:
        steps: shape ``(points,)``, rising; for evaluations the updates finished, else the step itself.
        values: shape ``(points,)``.
    """

    steps: Floats
    values: Floats


@dataclass(frozen=True, kw_only=True)
class Trained:
    """One run as MLflow has it.

    Attributes:
        run_id: in MLflow.
        name: as MLflow shows it.
        status: FINISHED, FAILED, KILLED or RUNNING.
        arm: what competes, such as ``cosine`` or ``cosine model=cnn``.
        rate: the peak rate; ``None`` where the run has none.
        seed: initial weights and order of the data.
        total_steps: updates that were planned.
        seconds: from the run's start to its end.
        val_loss: after each evaluation, those before a divergence included.
        val_accuracy: likewise; empty where the task has none.
        loss: training loss, thinned for drawing.
        lr: the rate that was used, thinned for drawing.
        diverged_at: step of the first loss that was not finite.
        reason: why a run did not finish.
        stage: ``tune``, ``final`` (fresh seeds at the chosen rate), or empty.
        trial: values of the settings beside the rate that a search chose, such as ``optimizer.momentum=0.9``.
        params: as logged.
        plan: the plan's schedules as specs; empty where the store has none.
        example_losses: final loss of each validation example, shape ``(examples,)``; ``None`` where they
            were not kept, or are not needed.
    """

    run_id: str
    name: str
    status: str
    arm: str
    rate: float | None
    seed: int
    total_steps: int
    seconds: float
    val_loss: Curve
    val_accuracy: Curve
    loss: Curve
    lr: Curve
    diverged_at: int | None = None
    reason: str = ""
    stage: str = ""
    trial: str = ""
    params: dict[str, str] = field(default_factory=dict)
    plan: dict[str, Any] = field(default_factory=dict)
    example_losses: Floats | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True, kw_only=True)
class Collection:
    """The runs of one sweep, or of several together.

    Attributes:
        run_id: the parent run.
        name: of the parent run.
        uri: the store.
        experiment_id: in MLflow.
        started: milliseconds since 1970.
        tags: of the parent run: git commit, overrides, ...
        runs: its children.
        joined: ids of further sweeps whose runs are among these.
    """

    run_id: str
    name: str
    uri: str
    experiment_id: str
    started: int
    tags: dict[str, str]
    runs: list[Trained]
    joined: list[str] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class Question:
    """What is asked of a sweep.

    Attributes:
        baseline: the arm that the others are held against; by default the one that comes first by name
            among ``constant``, else the sweep's first. One that is asked for may have been chosen by what
            came out: its comparisons are then corrected for all pairs of arms.
        target: validation loss to reach; by default the worst arm's mean final loss at its best rate, arms
            that diverged there left out while there are others.
        alpha: probability that the best schedule is missing among those that may be the best; likewise of
            any false alarm among the comparisons with the baseline [0 < alpha < 1].
    """

    baseline: str | None = None
    target: float | None = None
    alpha: float = 0.05
