"""Everything that a run is made of, ready to train."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer
from torch.optim.swa_utils import AveragedModel

import schedules
from schedules.pytorch import Plan, Writer

from ..optimizers import modes
from ..trainables.data import Batches, Data, Stream
from .evaluation import Evaluation, evaluate
from .plans import blaming, specs_of
from .ranks import ALONE, Ranks
from .share import Share
from .update import Update


@dataclass(frozen=True)
class Experiment:
    """Everything that a run is made of, ready to train.

    Attributes:
        averaged: the moving average of the model, where it is kept.
        compiled: what evaluates in place of :attr:`judged`, where the model is compiled.
    """

    plan: Plan
    write: Writer
    model: nn.Module
    optimizer: Optimizer
    data: Data
    batches: Batches | Stream | Share
    total_steps: int
    device: torch.device
    evaluated_at_once: int
    update: Update
    averaged: AveragedModel | None = None
    compiled: nn.Module | None = None
    ranks: Ranks = ALONE

    @property
    def saved(self) -> dict[str, Any]:
        """What a checkpoint holds the state of, by name."""
        names = ("model", "optimizer", "update", "averaged", "ranks")
        return {name: getattr(self, name) for name in names}

    @property
    def judged(self) -> nn.Module:
        """The model that evaluations are of: with averaged weights where they are kept."""
        return self.model if self.averaged is None else self.averaged.module

    def specs(self) -> dict[str, Any]:
        """Return the plan as plain data that rebuilds it."""
        return specs_of(self.plan)

    def extended(self, done: int) -> Experiment:
        """Return the same experiment with its plan made as long as the budget, unchanged up to step ``done``.

        Raises:
            ConfigError: a schedule cannot go on for longer without changing what was done.
        """
        plan = {}
        for name, schedule in self.plan.items():
            with blaming(f"schedule.{name}"):
                plan[name] = schedules.extend(schedule, total_steps=self.total_steps, at=done)
        return self.following(Plan(**plan))

    def following(self, plan: Plan) -> Experiment:
        """Return the same experiment under another plan."""
        return replace(self, plan=plan, write=plan.bind(self.optimizer))

    def loss_of(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Return the mean loss of the data's task."""
        return self.data.task.loss(outputs, targets)

    def evaluate_at(self, step: int, of_each: bool = False) -> Evaluation:
        """Evaluate the model on the validation data, after ``step`` updates; ``of_each`` example, too."""
        with self.update.autocast(), modes.averaged(self.optimizer):
            return evaluate(
                self.judged if self.compiled is None else self.compiled,
                self.data.val,
                self.data.task,
                step,
                device=self.device,
                batch_size=self.evaluated_at_once,
                ranks=self.ranks,
                of_each=of_each,
            )
