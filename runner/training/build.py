"""From settings to the objects of a run, through the registries. What is wrong is said before it starts."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import nn
from torch.optim import Optimizer
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from schedules.pytorch import Plan

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
from ..trainables.data import Data, batches
from ..trainables.registries import DATASETS, MODELS, OPTIMIZERS
from .experiment import Experiment
from .initial import initialise
from .machine import choose_kernels, device_of, seed_all, try_to_compile
from .plans import blaming, build_plan, check_fixed, check_means, with_constants
from .ranks import ALONE, Ranks
from .share import Share
from .update import Update, update_of
from .workload import evaluated_at_once, horizon_of, load_data, total_steps_of


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
    check_team(trainer, ranks.count, ranks.are_connected)
    device = _chosen_device(trainer, ranks)
    parts = Parts.named_in(settings)
    data = load_data(parts.dataset, trainer, device)
    of_step = batches(data, trainer.batch_size, settings.seed, device)
    total_steps = total_steps_of(trainer, data, of_step.steps_per_epoch)
    horizon = horizon_of(trainer, data, total_steps, of_step.steps_per_epoch)
    plan = build_plan(settings.schedule, horizon) if plan is None else plan
    seed_all(settings.seed)
    model, averaged = build_model(parts, data, trainer, device, ranks, fresh=fresh)
    optimizer = build_optimizer(parts, model)
    plan = fitted_plan(plan, optimizer, parts, settings, total_steps)
    update = build_update(trainer, data, model, optimizer, averaged, device, ranks)
    if ranks.rank:  # equal weights everywhere, but other draws: dropout
        seed_all(settings.seed, ranks.rank)
    with blaming("schedule"):
        write = plan.bind(optimizer)
    return Experiment(
        plan=plan,
        write=write,
        model=model,
        optimizer=optimizer,
        data=data,
        batches=of_step if ranks.count == 1 else Share(of_step, ranks),
        total_steps=total_steps,
        device=device,
        evaluated_at_once=evaluated_at_once(data, trainer.batch_size),
        update=update,
        averaged=averaged,
        compiled=_compiled(model if averaged is None else averaged.module) if trainer.compile else None,
        ranks=ranks,
    )


def _chosen_device(trainer: TrainerSettings, ranks: Ranks) -> torch.device:
    """Return the device to train on, with the threads and the kernels that are asked for."""
    device = device_of(trainer.device, ranks)
    choose_kernels(device, trainer.deterministic)
    if trainer.threads is not None:
        torch.set_num_threads(trainer.threads)
    return device


def _compiled(model: nn.Module) -> nn.Module:
    """Return a module that torch compiles at its first call."""
    return cast(nn.Module, torch.compile(model))


@dataclass(frozen=True)
class Parts:
    """What the settings name: the registered data set, model and optimizer, with their fields checked."""

    dataset: Any
    model: Any
    optimizer: Any

    @classmethod
    def named_in(cls, settings: RunSettings) -> Parts:
        """Look all three up.

        Raises:
            ConfigError: a name or a field is unknown, a value is out of bounds, or the optimizer cannot be
                sharded as ``trainer.parallel`` asks.
        """
        optimizer = named(OPTIMIZERS, "optimizer", settings.optimizer)
        if settings.trainer.parallel == "fsdp" and getattr(optimizer, "needs_whole_tensors", False):
            raise ConfigError(
                f"trainer.parallel must be ddp for {settings.optimizer['name']}, "
                "which looks at whole matrices, got fsdp"
            )
        return cls(
            named(DATASETS, "dataset", settings.dataset), named(MODELS, "model", settings.model), optimizer
        )


def build_model(
    parts: Parts, data: Data, trainer: TrainerSettings, device: torch.device, ranks: Ranks, *, fresh: bool
) -> tuple[nn.Module, AveragedModel | None]:
    """Return the model on its device, sharded where asked for, and its moving average where one is kept."""
    with blaming("model"):
        model: nn.Module = parts.model.build(data).to(device)
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
    return model, averaged


def build_optimizer(parts: Parts, model: nn.Module) -> Optimizer:
    """Return the optimizer of the model's parameters.

    Raises:
        ConfigError: it refuses its settings, or its update needs a closure.
    """
    with blaming("optimizer"):
        optimizer: Optimizer = parts.optimizer.build(grouped(model, parts.optimizer))
    _refuse_closures(optimizer)
    modes.start_training(optimizer)
    return optimizer


def fitted_plan(
    plan: Plan, optimizer: Optimizer, parts: Parts, settings: RunSettings, total_steps: int
) -> Plan:
    """Return the plan with the optimizer's own rate and momentum added where no schedule drives them.

    Raises:
        ConfigError: a schedule drives what this optimizer needs to stay as it is.
    """
    check_fixed(plan, getattr(parts.optimizer, "fixed", ()), settings.optimizer["name"])
    plan = with_constants(plan, optimizer)
    check_means(plan, total_steps)
    return plan


def build_update(
    trainer: TrainerSettings,
    data: Data,
    model: nn.Module,
    optimizer: Optimizer,
    averaged: AveragedModel | None,
    device: torch.device,
    ranks: Ranks,
) -> Update:
    """Return what trains on one batch."""
    return update_of(
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


def _refuse_closures(optimizer: Optimizer) -> None:
    """Raise where an update computes the loss several times, as LBFGS does."""
    closure = inspect.signature(optimizer.step).parameters.get("closure")
    if closure is not None and closure.default is inspect.Parameter.empty:
        raise ConfigError(
            f"optimizer must be one whose step() needs no closure, got {type(optimizer).__name__}"
        )
