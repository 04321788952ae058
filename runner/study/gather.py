"""What each workload's sweep says: which schedules may be the best there, and what each of them loses."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..compare import reader
from ..compare.archive import CHILD, Archive
from ..compare.choice import Contender, choose, interval
from ..compare.decide import decide, losses_of
from ..compare.findings import Decision, Interval, Ledger
from ..compare.model import Trained
from ..compare.outcomes import Outcome, ledger, loss_before_training, outcomes, steps_to
from ..compare.stats.measures import kaplan_meier_median
from ..compare.stats.paired import differences
from ..compare.stats.regret import regret_bound
from ..errors import ConfigError
from ..record import keys
from ..settings.overrides import given
from .manifest import Study, Workload


@dataclass(frozen=True, kw_only=True)
class Result:
    """A workload's sweep, judged.

    Attributes:
        workload: which one.
        schedules: in the study's order; the arrays below have a row for each.
        rates: the peak rate that each was given by its tuning.
        edges: whether that is the first or last of those tried.
        losses: final validation losses, shape ``(schedules, seeds)``, of the seeds that all of them have;
            infinite where a run diverged.
        lost: how many runs at the chosen rate diverged.
        untrained: the loss before training.
        behind: mean final loss minus that of the decision's arm, by paired seeds.
        at_most: how much worse than the best each may be, each bound for itself.
        steps: median steps to ``target``; infinite where half of the runs do not reach it.
        target: mean final loss of the first schedule.
        decision: which may be the best.
        cost: of all runs.
    """

    workload: Workload
    schedules: list[str]
    rates: list[float | None]
    edges: list[bool]
    losses: NDArray[np.float64]
    lost: list[int]
    untrained: float
    behind: list[Interval | None]
    at_most: list[float]
    steps: NDArray[np.float64]
    target: float
    decision: Decision
    cost: Ledger

    @property
    def lowest(self) -> float:
        """Mean final loss of the schedule to take."""
        return float(self.losses[self.schedules.index(self.decision.arm)].mean())


def gather(study: Study, folder: Path, alpha: float) -> list[Result]:
    """Return what the sweeps in a study's folder say, those that are in MLflow.

    Raises:
        ConfigError: none is, or the store does not answer.
    """
    found = []
    for workload in study.workloads:
        directory = reader.directory_of(str(folder / workload.name))
        if directory is not None and directory.sent is not None:
            runs = runs_of(Archive(directory.order.uri), str(directory.path), study.schedules)
            if {run.arm for run in runs if run.stage == "final"} >= {*study.schedules}:
                found.append(judge(workload, study.schedules, runs, alpha))
    if not found:
        raise ConfigError(f"--out must hold a sweep that has ended, got {folder}")
    return found


def runs_of(archive: Archive, which: str, schedules: Sequence[str]) -> list[Trained]:
    """Return the runs of a sweep with the option of the group ``schedule`` as what competes."""
    parent = reader.find(archive, "", which)
    children = archive.search(parent.info.experiment_id, f"{CHILD} = '{parent.info.run_id}'", reader.OLDEST)
    options = {
        run.info.run_id: given(json.loads(run.data.tags.get(keys.ARGUMENTS, "[]"))).get("schedule", "")
        for run in children
    }
    runs = reader.read(archive, parent).runs
    return [replace(run, arm=arm) for run in runs if (arm := options.get(run.run_id, "")) in schedules]


def judge(workload: Workload, schedules: list[str], runs: list[Trained], alpha: float) -> Result:
    """Return what the runs of one workload say.

    Args:
        workload: which one.
        schedules: what competes, each with a run that finished or diverged.
        runs: of the sweep.
        alpha: probability that the best is missing among those that may be.
    """
    untrained = loss_before_training(runs)
    by_arm: dict[str, list[Outcome]] = defaultdict(list)
    for outcome in outcomes(runs):
        by_arm[outcome.run.arm].append(outcome)
    contenders = [choose(schedule, by_arm[schedule], untrained) for schedule in schedules]
    decision, _ = decide(contenders, alpha)
    every = losses_of(contenders)
    losses = every[:, ~np.isnan(every).any(axis=0)]
    target = float(np.mean(contenders[0].finished_losses))
    first = schedules.index(decision.arm)
    return Result(
        workload=workload,
        schedules=schedules,
        rates=[c.rate for c in contenders],
        edges=[bool(c.response and c.response.edge) for c in contenders],
        losses=losses,
        lost=[sum(o.diverged for o in c.reported) for c in contenders],
        untrained=untrained,
        behind=[_interval(d, alpha) for d in differences(losses)[:, first]],
        at_most=[regret_bound(losses, arm, alpha) for arm in range(len(schedules))],
        steps=np.array([_steps(c, target) for c in contenders]),
        target=target,
        decision=decision,
        cost=ledger(runs),
    )


def _interval(of_seeds: NDArray[np.float64], alpha: float) -> Interval | None:
    finished = of_seeds[np.isfinite(of_seeds)].tolist()
    return interval(finished, 1 - alpha) if finished else None


def _steps(contender: Contender, target: float) -> float:
    """Return the steps by which half of the runs have reached the target; infinite where they do not."""
    pairs = [steps_to(target, o.run) for o in contender.reported]
    spent = [
        steps if hit else o.run.total_steps for (steps, hit), o in zip(pairs, contender.reported, strict=True)
    ]
    median = kaplan_meier_median(spent, [hit for _, hit in pairs])
    return math.inf if median is None else median
