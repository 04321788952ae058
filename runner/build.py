"""From settings to the objects of a run, through the registries. What is wrong is said before it starts."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.optim import Optimizer

import schedules
from schedules.pytorch import Plan, Writer
from schedules.schedule import knots

from . import (
    datasets,  # noqa: F401  registers
    models,  # noqa: F401  registers
    optimizers,  # noqa: F401  registers
)
from .config import RunSettings, named
from .data import Batches, Data, Stream, batches
from .errors import ConfigError
from .optimizers.groups import grouped
from .optimizers.modes import averaged, start_training
from .registries import DATASETS, MODELS, OPTIMIZERS
from .train import Evaluation, evaluate

EVALUATED = 2**20
"""Numbers of one evaluation's inputs, or of its outputs, up to which more than a training batch is taken."""

LONGEST_LINT = 10_000_000
"""Steps up to which a plan is looked at before its run: that takes seconds by then."""

BELOW_ONE = ("momentum", "beta1", "beta2")
"""Hyper-parameters that are factors of a running mean: at 1 nothing new would ever come in."""


@dataclass(frozen=True)
class Experiment:
    """Everything that a run is made of, ready to train."""

    plan: Plan
    write: Writer
    model: nn.Module
    optimizer: Optimizer
    data: Data
    batches: Batches | Stream
    total_steps: int
    device: torch.device
    evaluated_at_once: int

    def specs(self) -> dict[str, Any]:
        """Return the plan as plain data that rebuilds it."""
        return {name: schedules.to_spec(schedule) for name, schedule in self.plan.items()}

    def extended(self, done: int) -> Experiment:
        """Return the same experiment with its plan made as long as the budget, unchanged up to step ``done``.

        Raises:
            ConfigError: a schedule cannot go on for longer without changing what was done.
        """
        plan = {}
        for name, schedule in self.plan.items():
            longer = partial(schedules.extend, schedule, total_steps=self.total_steps, at=done)
            plan[name] = _said_of(f"schedule.{name}", longer)
        longer_plan = Plan(**plan)
        return replace(self, plan=longer_plan, write=longer_plan.bind(self.optimizer))

    def loss_of(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Return the mean loss of the data's task."""
        return self.data.task.loss(outputs, targets)

    def evaluate_at(self, step: int) -> Evaluation:
        """Evaluate the model on the validation data, after ``step`` updates."""
        val, task = self.data.val, self.data.task
        with averaged(self.optimizer):
            return evaluate(
                self.model, val, task, step, device=self.device, batch_size=self.evaluated_at_once
            )


def build(settings: RunSettings, plan: Plan | None = None) -> Experiment:
    """Return the experiment that ``settings`` ask for; with a plan given, that plan.

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
    if trainer.batch_size > len(data.train):
        raise ConfigError(
            f"trainer.batch_size must be <= {len(data.train)}, the training examples, "
            f"got {trainer.batch_size}"
        )
    of_step = batches(data, trainer.batch_size, settings.seed, device)
    total_steps = trainer.steps or (trainer.epochs or 0) * of_step.steps_per_epoch
    horizon = schedules.Horizon(
        total_steps=total_steps,
        steps_per_epoch=of_step.steps_per_epoch,
        examples_per_step=trainer.batch_size,
        tokens_per_step=data.tokens_per_example and data.tokens_per_example * trainer.batch_size,
    )
    plan = build_plan(settings.schedule, horizon) if plan is None else plan

    torch.manual_seed(settings.seed)
    random.seed(settings.seed)  # a plugin's transforms may draw from these
    np.random.seed(settings.seed % 2**32)  # noqa: NPY002
    model = _said_of("model", partial(make_model.build, data)).to(device)
    optimizer = _said_of("optimizer", lambda: make_optimizer.build(grouped(model, make_optimizer)))
    start_training(optimizer)
    _check_fixed(plan, getattr(make_optimizer, "fixed", ()), settings.optimizer["name"])
    plan = _with_constants(plan, optimizer)
    _check_means(plan, total_steps)
    write = _said_of("schedule", partial(plan.bind, optimizer))
    at_once = _evaluated_at_once(data, trainer.batch_size)
    return Experiment(plan, write, model, optimizer, data, of_step, total_steps, device, at_once)


def build_plan(nodes: dict[str, Any], horizon: schedules.Horizon) -> Plan:
    """Return the plan of the ``schedule`` group: a schedule for each hyper-parameter named in it."""
    plan = {}
    for hyperparameter, node in nodes.items():
        path = f"schedule.{hyperparameter}"
        if isinstance(node, (int, float)) and not isinstance(node, bool):
            node = {"name": "constant", "peak_value": node}
        if not isinstance(node, dict) or "name" not in node:
            raise ConfigError(f"{path} must have a name: {', '.join(schedules.names())}")
        if hyperparameter == "groups":
            raise ConfigError(f"{path}: no optimizer has a hyper-parameter of that name")
        plan[hyperparameter] = _said_of(path, partial(_schedule, node, horizon))
    return Plan(**plan)


def lint(plan: Plan, total_steps: int) -> list[str]:
    """Return what looks unintended in a plan for a run of this length, in words; none for very long runs."""
    if total_steps > LONGEST_LINT:
        return []
    return [
        f"schedule.{name}: {finding.message}"
        for name, schedule in plan.items()
        for finding in schedules.lint(schedule, total_steps)
    ]


def _evaluated_at_once(data: Data, batch_size: int) -> int:
    """Return how many examples to evaluate at once: a training batch of large ones, more of small ones."""
    largest = max(math.prod(data.input_shape), (data.tokens_per_example or 1) * data.num_outputs)
    return max(batch_size, min(1024, EVALUATED // largest))


def _schedule(node: dict[str, Any], horizon: schedules.Horizon) -> schedules.Schedule:
    fields = dict(node)
    return schedules.build(fields.pop("name"), horizon=horizon, **fields)


def _check_fixed(plan: Plan, fixed: tuple[str, ...], optimizer: str) -> None:
    """Raise where a schedule drives what an optimizer needs to stay as it is."""
    for name in fixed:
        if name in plan and not isinstance(plan[name], schedules.Constant):
            raise ConfigError(f"schedule.{name} must stay one number for {optimizer}; try schedule=constant")


def _check_means(plan: Plan, total_steps: int) -> None:
    """Raise where the factor of a running mean reaches 1 at one of its knots or ends."""
    for name in BELOW_ONE:
        if name in plan:
            steps = [0, *knots(plan[name], total_steps), total_steps - 1]
            highest = max(plan[name](step) for step in steps)
            if highest >= 1.0:
                raise ConfigError(f"schedule.{name} must stay < 1, got {highest:g}")


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
        torch.zeros(1, device=device).item()
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).splitlines()[0]
        raise ConfigError(
            f"trainer.device must be a device of this machine, got {name!r}: {reason}"
        ) from error
    return device
