"""From settings to the objects of a run, through the registries. What is wrong is said before it starts."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer

import schedules
from schedules.pytorch import Plan, Writer

from . import (
    datasets,  # noqa: F401  registers
    models,  # noqa: F401  registers
    optimizers,  # noqa: F401  registers
)
from .config import RunSettings, named
from .data import Batches, Data
from .errors import ConfigError
from .registries import DATASETS, MODELS, OPTIMIZERS
from .train import Evaluation, evaluate


@dataclass(frozen=True)
class Experiment:
    """Everything that a run is made of, ready to train."""

    plan: Plan
    write: Writer
    model: nn.Module
    optimizer: Optimizer
    data: Data
    batches: Batches
    total_steps: int

    def loss_of(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Mean cross-entropy of class scores ``(batch, classes)``."""
        return nn.functional.cross_entropy(outputs, targets)

    def evaluate_at(self, step: int) -> Evaluation:
        """Evaluate the model on the validation data, after ``step`` updates."""
        inputs, targets = self.data.val_inputs, self.data.val_targets
        return evaluate(self.model, inputs, targets, self.loss_of, step)


def build(settings: RunSettings) -> Experiment:
    """Return the experiment that ``settings`` ask for.

    The seed decides the initial weights and the order of the data, and nothing else does: under one seed
    every schedule starts from the same weights and sees the same batches.

    Raises:
        ConfigError: a name is unknown, a field is wrong, or the parts do not fit each other.
    """
    trainer = settings.trainer
    device = _device(trainer.device)
    if trainer.threads is not None:
        torch.set_num_threads(trainer.threads)
    make_data = named(DATASETS, "dataset", settings.dataset)
    make_model = named(MODELS, "model", settings.model)
    make_optimizer = named(OPTIMIZERS, "optimizer", settings.optimizer)

    data = _said_of("dataset", make_data.load).to(device)
    if trainer.batch_size > len(data.train_inputs):
        raise ConfigError(
            f"trainer.batch_size must be <= {len(data.train_inputs)}, the training examples, "
            f"got {trainer.batch_size}"
        )
    batches = Batches(data.train_inputs, data.train_targets, trainer.batch_size, settings.seed)
    total_steps = trainer.steps or (trainer.epochs or 0) * batches.steps_per_epoch
    horizon = schedules.Horizon(
        total_steps=total_steps,
        steps_per_epoch=batches.steps_per_epoch,
        examples_per_step=trainer.batch_size,
    )
    plan = build_plan(settings.schedule, horizon)

    torch.manual_seed(settings.seed)
    model = _said_of("model", partial(make_model.build, data)).to(device)
    optimizer = _said_of("optimizer", partial(make_optimizer.build, model.parameters()))
    plan = _with_constants(plan, optimizer)
    write = _said_of("schedule", partial(plan.bind, optimizer))
    return Experiment(plan, write, model, optimizer, data, batches, total_steps)


def build_plan(nodes: dict[str, Any], horizon: schedules.Horizon) -> Plan:
    """Return the plan of the ``schedule`` group: a schedule for each hyper-parameter named in it."""
    plan = {}
    for hyperparameter, node in nodes.items():
        path = f"schedule.{hyperparameter}"
        if isinstance(node, (int, float)) and not isinstance(node, bool):
            node = {"name": "constant", "peak_value": node}
        if not isinstance(node, dict) or "name" not in node:
            raise ConfigError(f"{path} must have a name: {', '.join(schedules.names())}")
        plan[hyperparameter] = _said_of(path, partial(_schedule, node, horizon))
    return Plan(**plan)


def lint(plan: Plan, total_steps: int) -> list[str]:
    """Return what looks unintended in a plan for a run of this length, in words."""
    return [
        f"schedule.{name}: {finding.message}"
        for name, schedule in plan.items()
        for finding in schedules.lint(schedule, total_steps)
    ]


def _schedule(node: dict[str, Any], horizon: schedules.Horizon) -> schedules.Schedule:
    fields = dict(node)
    return schedules.build(fields.pop("name"), horizon=horizon, **fields)


def _with_constants(plan: Plan, optimizer: Optimizer) -> Plan:
    """Add the rate and the momentum where no schedule drives them, so that every run logs both."""
    group = optimizer.param_groups[0]
    held = {"lr": group["lr"]}
    if "momentum" in group or "betas" in group:
        held["momentum"] = group["momentum"] if "momentum" in group else group["betas"][0]
    rest = {name: float(value) for name, value in held.items() if name not in plan}
    return Plan(**{**plan, **rest})  # type: ignore[arg-type]  # names are not "groups"


def _said_of(path: str, make: Any) -> Any:
    """Call ``make``; what it refuses becomes an error of the setting at ``path``."""
    try:
        return make()
    except ValueError as error:
        raise ConfigError(f"{path}: {error}") from error


def _device(name: str) -> torch.device:
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise ConfigError(
            f"trainer.device must be a device of this machine, got {name!r}: {reason}"
        ) from error
    return device
