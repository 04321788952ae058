"""How each torch scheduler is read: by its class's name and its attributes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..combine.algebra import product
from ..combine.compose import Join, Ramp
from ..families.constant import Constant
from ..families.cosine import Cosine, CosineRestarts
from ..families.exponential import Exponential
from ..families.polynomial import Polynomial
from ..families.step import MultiStep, Step
from ..names import Names
from ..schedule import Schedule
from .intervals import PerInterval
from .pieces import Phases


@dataclass(frozen=True)
class Turn:
    """When and where a scheduler takes over: which group, and the rate that the group holds then."""

    group: int
    rate: float
    first: bool = True

    def base(self, scheduler: Any) -> float:
        """Return the rate that a scheduler scales: a first one starts from what the group holds."""
        return self.rate if self.first else float(scheduler.base_lrs[self.group])


Reader = Callable[[Any, Turn], Schedule]
READERS: Names[Reader] = Names("torch scheduler that can be read")
_REFUSED = {
    "ReduceLROnPlateau": "it follows the loss, so it is no function of the step",
    "MultiplicativeLR": "each value needs all before it; give LambdaLR their product",
}
_NESTED = {
    "SequentialLR": "list its schedulers in the outer one",
    "ChainedScheduler": "what was meant is join(product(...), ..., at=...), of the schedules one by one",
}
_FACTORS = ("StepLR", "MultiStepLR", "ConstantLR", "LinearLR", "ExponentialLR", "PolynomialLR")
"""Schedulers that only multiply what the optimizer holds, whoever wrote it."""


def read(scheduler: Any, turn: Turn) -> Schedule:
    """Return the schedule of one parameter group's rate; raise where there is none."""
    kind = type(scheduler).__name__
    if not type(scheduler).__module__.startswith("torch.optim."):
        raise ValueError(f"scheduler must be one of torch.optim's own, got {type(scheduler)!r}")
    if kind in _REFUSED:
        raise ValueError(f"{kind} cannot be a schedule: {_REFUSED[kind]}")
    reader = READERS[kind]
    try:
        return reader(scheduler, turn)
    except ValueError as error:
        raise ValueError(f"{kind}: {error}") from error


def _at_least_one(steps: int) -> int:
    """Return ``total_iters``; with 0, torch's run and torch's closed form give different values."""
    if steps < 1:
        raise ValueError(f"total_iters must be a whole number >= 1, got {steps!r}")
    return steps


@READERS.entry("LambdaLR")
def _lambda(scheduler: Any, turn: Turn) -> Schedule:
    if scheduler.last_epoch % 1:
        raise ValueError(
            f"it was stepped by parts of an epoch, to {scheduler.last_epoch}, and its function is read at "
            "whole steps only; step it to a whole one, or use scale(function, rate), which takes any step"
        )
    return PerInterval(function=scheduler.lr_lambdas[turn.group], scale=float(scheduler.base_lrs[turn.group]))


@READERS.entry("StepLR")
def _step(scheduler: Any, turn: Turn) -> Schedule:
    return Step(peak_value=turn.base(scheduler), step_size=scheduler.step_size, gamma=scheduler.gamma)


@READERS.entry("MultiStepLR")
def _multistep(scheduler: Any, turn: Turn) -> Schedule:
    milestones = tuple(sorted(scheduler.milestones.elements()))
    return MultiStep(peak_value=turn.base(scheduler), milestones=milestones, gamma=scheduler.gamma)


@READERS.entry("ConstantLR")
def _constant(scheduler: Any, turn: Turn) -> Schedule:
    base = turn.base(scheduler)
    parts = (Constant(peak_value=base * scheduler.factor), Constant(peak_value=base))
    return Join(parts=parts, boundaries=(_at_least_one(scheduler.total_iters),))


@READERS.entry("LinearLR")
def _linear(scheduler: Any, turn: Turn) -> Schedule:
    base = turn.base(scheduler)
    return Ramp(
        init_value=base * scheduler.start_factor,
        peak_value=base * scheduler.end_factor,
        warmup_steps=_at_least_one(scheduler.total_iters),
    )


@READERS.entry("ExponentialLR")
def _exponential(scheduler: Any, turn: Turn) -> Schedule:
    base = turn.base(scheduler)
    if scheduler.gamma == 0:  # 0^0 is 1: the first update has its rate, the others none
        return Step(peak_value=base, step_size=1, gamma=0.0)
    return Exponential(peak_value=base, gamma=scheduler.gamma)


@READERS.entry("PolynomialLR")
def _polynomial(scheduler: Any, turn: Turn) -> Schedule:
    base = turn.base(scheduler)
    steps = _at_least_one(scheduler.total_iters)
    return Polynomial(peak_value=base, total_steps=steps, power=scheduler.power)


@READERS.entry("CosineAnnealingLR")
def _cosine(scheduler: Any, turn: Turn) -> Schedule:
    base, length = turn.base(scheduler), scheduler.T_max
    if length > 0 and length != int(length):
        return Phases(at=(0.0, length), values=(base, scheduler.eta_min), shapes=("cosine",))
    return Cosine(peak_value=base, total_steps=length, end_value=scheduler.eta_min)


@READERS.entry("CosineAnnealingWarmRestarts")
def _restarts(scheduler: Any, turn: Turn) -> Schedule:
    return CosineRestarts(
        peak_value=float(scheduler.base_lrs[turn.group]),
        cycle_steps=scheduler.T_0,
        cycle_mult=scheduler.T_mult,
        end_value=scheduler.eta_min,
    )


@READERS.entry("SWALR")
def _swa(scheduler: Any, turn: Turn) -> Schedule:
    target = float(scheduler.optimizer.param_groups[turn.group]["swa_lr"])
    shape = "cosine" if scheduler._anneal_strategy == "cos" else "linear"
    return Ramp(
        init_value=turn.rate,
        peak_value=target,
        warmup_steps=scheduler.anneal_epochs,
        warmup_shape=shape,
    )


@READERS.entry("SequentialLR")
def _sequential(scheduler: Any, turn: Turn) -> Schedule:
    milestones = list(scheduler._milestones)
    parts: list[Schedule] = []
    starts = [0, *milestones]
    rate = float(scheduler.optimizer.param_groups[turn.group]["initial_lr"])
    for index, part in enumerate(scheduler._schedulers):
        if type(part).__name__ in _NESTED:
            raise ValueError(
                f"{type(part).__name__} inside: torch moves its steps by one there (pytorch#196243); "
                + _NESTED[type(part).__name__]
            )
        first = starts[index] == 0
        parts.append(read(part, Turn(turn.group, rate, first)))
        if index < len(milestones) and milestones[index] > starts[index]:
            rate = float(parts[-1](milestones[index] - starts[index] - 1))  # what SWALR would start from
    return Join(parts=tuple(parts), boundaries=tuple(milestones))


@READERS.entry("ChainedScheduler")
def _chained(scheduler: Any, turn: Turn) -> Schedule:
    if len(scheduler._schedulers) == 1:
        return read(scheduler._schedulers[0], turn)
    for part in scheduler._schedulers:
        kind = type(part).__name__
        if kind == "CosineAnnealingLR" and part.eta_min != 0.0:
            raise ValueError(
                f"CosineAnnealingLR with eta_min={part.eta_min:g} pulls what the others left towards that "
                "value, step by step, which no formula of the step gives; with eta_min=0 it is a factor"
            )
        if kind not in _FACTORS and kind != "CosineAnnealingLR":
            raise ValueError(
                f"{kind} writes its own values over those of the others (pytorch#129565); only "
                f"{', '.join(_FACTORS)} and CosineAnnealingLR with eta_min=0 can be chained"
            )
    return product(turn.rate, *(read(part, Turn(turn.group, 1.0)) for part in scheduler._schedulers))
