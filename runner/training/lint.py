"""What looks unintended in a plan or in the trainer's settings, in words, before a run starts."""

from __future__ import annotations

from torch import nn

import schedules
from schedules.pytorch import Plan

from ..settings.trainer import TrainerSettings
from .experiment import Experiment

LONGEST_LINT = 10_000_000
"""Steps up to which a plan is looked at before its run: that takes seconds by then."""


def lint(plan: Plan, total_steps: int) -> list[str]:
    """Return what looks unintended in a plan for a run of this length, in words; none for very long runs."""
    if total_steps > LONGEST_LINT:
        return []
    return [
        f"schedule.{name}: {finding.message}"
        for name, schedule in plan.items()
        for finding in schedules.lint(schedule, total_steps)
    ]


def trainer_lint(trainer: TrainerSettings, experiment: Experiment) -> list[str]:
    """Return what looks unintended in the trainer's settings for this experiment, in words."""
    findings = []
    falling = [name for name, curve in experiment.plan.items() if not isinstance(curve, schedules.Constant)]
    if trainer.early_stop_patience is not None and falling:
        findings.append(
            f"trainer.early_stop_patience may end the run before {', '.join(falling)} has come to its end: "
            "runs of unlike lengths are no comparison of schedules"
        )
    if trainer.ema_decay is not None and 1 / (1 - trainer.ema_decay) > experiment.total_steps / 2:
        findings.append(
            f"trainer.ema_decay averages over some {1 / (1 - trainer.ema_decay):.0f} updates, "
            f"and the run has {experiment.total_steps}: the average stays close to where it began"
        )
    parts = trainer.accumulate * experiment.ranks.count
    norms = any(isinstance(each, nn.modules.batchnorm._BatchNorm) for each in experiment.model.modules())
    if parts > 1 and norms:
        findings.append(
            f"batch norm takes its statistics from {trainer.batch_size // parts} examples at a time, "
            f"not from the {trainer.batch_size} of the batch"
        )
    return findings
