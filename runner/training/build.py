"""From settings to the objects of a run, through the registries. What is wrong is said before it starts."""

from __future__ import annotations

import inspect
import math
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, cast

import torch
from torch import nn
from torch.optim import Optimizer
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

import schedules
from schedules.pytorch import Plan, Writer
from schedules.schedule import knots

from .. import (
    datasets,  # noqa: F401  registers
    models,  # noqa: F401  registers
    optimizers,  # noqa: F401  registers
)
from ..errors import ConfigError
from ..optimizers import modes
from ..optimizers.groups import grouped
from ..settings.config import RunSettings, named
from ..settings.trainer import TrainerSettings, check_team
from ..trainables.data import Batches, Data, Stream, batches
from ..trainables.registries import DATASETS, MODELS, OPTIMIZERS
from .initial import initialise
from .machine import device_of, seed_all, try_to_compile
from .ranks import ALONE, Ranks, Share
from .train import Evaluation, evaluate
from .update import Update, update_of

EVALUATED = 2**20
"""Numbers of one evaluation's inputs, or of its outputs, up to which more than a training batch is taken."""

LONGEST_LINT = 10_000_000
"""Steps up to which a plan is looked at before its run: that takes seconds by then."""

BELOW_ONE = ("momentum", "beta1", "beta2")
"""Hyper-parameters that are factors of a running mean: at 1 nothing new would ever come in."""


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
            longer = partial(schedules.extend, schedule, total_steps=self.total_steps, at=done)
            plan[name] = _said_of(f"schedule.{name}", longer)
        return self.following(Plan(**plan))

    def following(self, plan: Plan) -> Experiment:
        """Return the same experiment under another plan."""
        return replace(self, plan=plan, write=plan.bind(self.optimizer))

    def loss_of(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Return the mean loss of the data's task."""
        return self.data.task.loss(outputs, targets)

    def evaluate_at(self, step: int) -> Evaluation:
        """Evaluate the model on the validation data, after ``step`` updates."""
        with self.update.autocast(), modes.averaged(self.optimizer):
            return evaluate(
                self.judged if self.compiled is None else self.compiled,
                self.data.val,
                self.data.task,
                step,
                device=self.device,
                batch_size=self.evaluated_at_once,
                ranks=self.ranks,
            )


def build(
    settings: RunSettings, plan: Plan | None = None, *, ranks: Ranks = ALONE, fresh: bool = True
) -> Experiment:
    """Return the experiment that ``settings`` ask for; with a plan given, that plan.

    Args:
        settings: all of the run's.
        plan: the plan to follow, whatever the settings say.
        ranks: the processes that train together; each calls this.
        fresh: load the weights that ``trainer.init_from`` names; ``False`` where a checkpoint's will follow.

    The seed decides the initial weights and the order of the data, and nothing else does: under one seed
    every schedule starts from the same weights and sees the same batches.

    Raises:
        ConfigError: a name is unknown, a field is wrong, or the parts do not fit each other.
    """
    trainer = settings.trainer
    check_team(trainer, ranks.count, str(settings.optimizer.get("name")))
    device = device_of(trainer.device, ranks)
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
    total_steps = _total_steps(trainer, data, of_step.steps_per_epoch)
    horizon = schedules.Horizon(
        total_steps=total_steps,
        steps_per_epoch=of_step.steps_per_epoch,
        examples_per_step=trainer.batch_size,
        tokens_per_step=data.tokens_per_example and data.tokens_per_example * trainer.batch_size,
    )
    plan = build_plan(settings.schedule, horizon) if plan is None else plan

    seed_all(settings.seed)
    model = _said_of("model", partial(make_model.build, data)).to(device)
    if trainer.init_from is not None and fresh:
        initialise(model, trainer.init_from, trainer.init_except)
    averaged = None
    if trainer.ema_decay is not None:
        averaging = get_ema_multi_avg_fn(trainer.ema_decay)
        averaged = AveragedModel(model, multi_avg_fn=averaging, use_buffers=True)
    if trainer.parallel == "fsdp":
        ranks.shard(model)
    if trainer.compile:
        try_to_compile(device)
    optimizer = _said_of("optimizer", lambda: make_optimizer.build(grouped(model, make_optimizer)))
    _refuse_closures(optimizer)
    modes.start_training(optimizer)
    _check_fixed(plan, getattr(make_optimizer, "fixed", ()), settings.optimizer["name"])
    plan = _with_constants(plan, optimizer)
    _check_means(plan, total_steps)
    update = update_of(
        trainer.precision,
        device,
        model=model,
        optimizer=optimizer,
        loss_of=data.task.loss,
        micro_batches=trainer.accumulate,
        clip_norm=trainer.clip_norm,
        log_grad_norm=trainer.log_grad_norm,
        averaged=averaged,
        compile=trainer.compile,
        ranks=ranks,
    )
    if ranks.rank:  # equal weights everywhere, but other draws: dropout
        seed_all(settings.seed, ranks.rank)
    judged = model if averaged is None else averaged.module
    return Experiment(
        plan=plan,
        write=_said_of("schedule", partial(plan.bind, optimizer)),
        model=model,
        optimizer=optimizer,
        data=data,
        batches=of_step if ranks.count == 1 else Share(of_step, ranks),
        total_steps=total_steps,
        device=device,
        evaluated_at_once=_evaluated_at_once(data, trainer.batch_size),
        update=update,
        averaged=averaged,
        compiled=cast(nn.Module, torch.compile(judged)) if trainer.compile else None,
        ranks=ranks,
    )


def _total_steps(trainer: TrainerSettings, data: Data, steps_per_epoch: int) -> int:
    """Return the budget in updates."""
    if trainer.tokens is None:
        return trainer.steps or (trainer.epochs or 0) * steps_per_epoch
    if data.tokens_per_example is None:
        raise ConfigError("trainer.tokens must be left out where the data are not made of tokens")
    tokens_per_step = data.tokens_per_example * trainer.batch_size
    if trainer.tokens < tokens_per_step:
        raise ConfigError(
            f"trainer.tokens must be >= {tokens_per_step}, the tokens of one update, got {trainer.tokens:.0f}"
        )
    return int(trainer.tokens) // tokens_per_step


def _refuse_closures(optimizer: Optimizer) -> None:
    """Raise where an update computes the loss several times, as LBFGS does."""
    closure = inspect.signature(optimizer.step).parameters.get("closure")
    if closure is not None and closure.default is inspect.Parameter.empty:
        raise ConfigError(
            f"optimizer must be one whose step() needs no closure, got {type(optimizer).__name__}"
        )


def specs_of(plan: Plan) -> dict[str, Any]:
    """Return a plan as plain data that rebuilds it."""
    return {name: schedules.to_spec(schedule) for name, schedule in plan.items()}


def plan_of(specs: dict[str, Any]) -> Plan:
    """Return the plan that :func:`specs_of` described."""
    return Plan(**{name: schedules.from_spec(spec) for name, spec in specs.items()})


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


def trainer_lint(trainer: TrainerSettings, made: Experiment) -> list[str]:
    """Return what looks unintended in the trainer's settings for this experiment, in words."""
    findings = []
    falling = [name for name, curve in made.plan.items() if not isinstance(curve, schedules.Constant)]
    if trainer.early_stop_patience is not None and falling:
        findings.append(
            f"trainer.early_stop_patience may end the run before {', '.join(falling)} has come to its end: "
            "runs of unlike lengths are no comparison of schedules"
        )
    if trainer.ema_decay is not None and 1 / (1 - trainer.ema_decay) > made.total_steps / 2:
        findings.append(
            f"trainer.ema_decay averages over some {1 / (1 - trainer.ema_decay):.0f} updates, "
            f"and the run has {made.total_steps}: the average stays close to where it began"
        )
    parts = trainer.accumulate * made.ranks.count
    norms = any(isinstance(each, nn.modules.batchnorm._BatchNorm) for each in made.model.modules())
    if parts > 1 and norms:
        findings.append(
            f"batch norm takes its statistics from {trainer.batch_size // parts} examples at a time, "
            f"not from the {trainer.batch_size} of the batch"
        )
    return findings


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
