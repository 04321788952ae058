"""Optimizers of other packages, an optional extra: Lion, and two that promise to need no schedule."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch.optim import Optimizer

from ..extras import extra
from ..trainables.registries import optimizer
from .groups import Grouped, Parameters, check


@optimizer("lion")
@dataclass(frozen=True, kw_only=True)
class Lion(Grouped):
    """The sign of a running gradient; ``momentum`` in a schedule means ``beta1``.

    Attributes:
        lr: the peak rate, 3 to 10 times lower than AdamW's [> 0].
        beta1: weight of the running gradient in an update [0 <= x < 1].
        beta2: decay of the running gradient [0 <= x < 1].
        weight_decay: part of the weights removed at each step, times the rate [>= 0].

    Source:
        Chen et al. 2023, arXiv:2302.06675; package ``lion-pytorch``.
    """

    lr: float = 3e-4
    beta1: float = 0.9
    beta2: float = 0.99
    weight_decay: float = 0.1

    def __post_init__(self) -> None:
        super().__post_init__()
        check(self, "lr", "weight_decay")
        check(self, "beta1", "beta2", below=1.0)
        if self.lr == 0.0:
            raise ValueError("lr must be a number > 0, got 0.0")

    def build(self, parameters: Parameters) -> Optimizer:
        """Return the optimizer of ``parameters``."""
        kind = extra("lion_pytorch", "rivals").Lion
        betas = (self.beta1, self.beta2)
        made: Optimizer = kind(parameters, lr=self.lr, betas=betas, weight_decay=self.weight_decay)
        return made


@optimizer("schedulefree")
@dataclass(frozen=True, kw_only=True)
class ScheduleFree(Grouped):
    """AdamW whose weights are an average that replaces the decay of the rate: for ``schedule=constant``.

    Evaluation sees the average, training a point between it and the newest weights. A warm-up is a schedule's
    (``schedule.lr.warmup_steps``), as everywhere.

    Attributes:
        lr: the rate [>= 0].
        beta1: how near training is to the average [0 < x < 1]; it may not change while training.
        beta2: decay of the mean of squares [0 <= x < 1].
        eps: added to the denominator [>= 0].
        weight_decay: part of the weights removed at each step, times the rate [>= 0].

    Source:
        Defazio et al. 2024, arXiv:2405.15682; package ``schedulefree``.
    """

    lr: float = 2.5e-3
    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-8
    weight_decay: float = 0.0

    fixed: ClassVar[tuple[str, ...]] = ("momentum", "beta1", "betas")

    def __post_init__(self) -> None:
        super().__post_init__()
        check(self, "lr", "eps", "weight_decay")
        check(self, "beta1", "beta2", below=1.0)
        if self.beta1 == 0.0:
            raise ValueError("beta1 must be a number > 0 and < 1, got 0.0")

    def build(self, parameters: Parameters) -> Optimizer:
        """Return the optimizer of ``parameters``, ready to train."""
        made: Optimizer = extra("schedulefree", "rivals").AdamWScheduleFree(
            parameters,
            lr=self.lr,
            betas=(self.beta1, self.beta2),
            eps=self.eps,
            weight_decay=self.weight_decay,
        )
        return made


@optimizer("prodigy")
@dataclass(frozen=True, kw_only=True)
class Prodigy(Grouped):
    """AdamW that finds its own rate; the schedule's value multiplies it, so its peak is 1.

    Attributes:
        lr: factor of the rate that it finds [>= 0].
        beta1: decay of the mean of gradients [0 <= x < 1].
        beta2: decay of the mean of their squares [0 <= x < 1].
        eps: added to the denominator [>= 0].
        weight_decay: part of the weights removed at each step, times the rate [>= 0].
        safeguard_warmup: leave a warm-up's low factor out of the estimate.

    Source:
        Mishchenko & Defazio 2023, arXiv:2306.06101; package ``prodigyopt``.
    """

    lr: float = 1.0
    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-8
    weight_decay: float = 0.0
    safeguard_warmup: bool = True

    needs_whole_tensors: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        check(self, "lr", "eps", "weight_decay")
        check(self, "beta1", "beta2", below=1.0)
        for name in ("layer_decay", "head_lr_scale"):  # it has one estimate for all groups
            if getattr(self, name) != 1.0:
                raise ValueError(f"{name} must be 1 for prodigy, got {getattr(self, name)}")

    def build(self, parameters: Parameters) -> Optimizer:
        """Return the optimizer of ``parameters``."""
        made: Optimizer = extra("prodigyopt", "rivals").Prodigy(
            parameters,
            lr=self.lr,
            betas=(self.beta1, self.beta2),
            eps=self.eps,
            weight_decay=self.weight_decay,
            safeguard_warmup=self.safeguard_warmup,
        )
        return made
