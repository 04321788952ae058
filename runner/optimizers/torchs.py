"""PyTorch's own optimizers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from ..trainables.registries import optimizer
from .groups import Group, Grouped, Parameters, as_groups, check

FUSED = ("cpu", "cuda", "mps", "xpu")
"""Devices on which torch's Adam has one kernel for the whole update."""


@optimizer("sgd")
@dataclass(frozen=True, kw_only=True)
class Sgd(Grouped):
    """Stochastic gradient descent with momentum.

    Attributes:
        lr: the peak rate that schedules are written around [>= 0].
        momentum: factor of the running gradient [0 <= x < 1]; a schedule may drive it.
        weight_decay: L2 penalty added to the gradient [>= 0].
        nesterov: look ahead along the momentum, which must then be > 0.
    """

    lr: float = 0.1
    momentum: float = 0.9
    weight_decay: float = 0.0
    nesterov: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        check(self, "lr", "weight_decay")
        check(self, "momentum", below=1.0)
        if self.nesterov and self.momentum == 0.0:
            raise ValueError("momentum must be > 0 for nesterov, got 0.0")

    def build(self, parameters: Parameters) -> torch.optim.Optimizer:
        """Return the optimizer of ``parameters``."""
        return torch.optim.SGD(
            parameters,
            lr=self.lr,
            momentum=self.momentum,
            weight_decay=self.weight_decay,
            nesterov=self.nesterov,
        )


@dataclass(frozen=True, kw_only=True)
class AdamLike(Grouped):
    """What Adam and AdamW have in common; ``momentum`` in a schedule means ``beta1``.

    Attributes:
        lr: the peak rate that schedules are written around [>= 0].
        beta1: decay of the mean of gradients [0 <= x < 1].
        beta2: decay of the mean of their squares [0 <= x < 1].
        eps: added to the denominator [>= 0].
    """

    lr: float = 3e-3
    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-8

    def __post_init__(self) -> None:
        super().__post_init__()
        check(self, "lr", "eps", "weight_decay")
        check(self, "beta1", "beta2", below=1.0)

    def fields(self, groups: list[Group]) -> dict[str, Any]:
        """Return the arguments of both; one kernel does the whole update where the device has it."""
        parameters = [p for group in groups for p in group["params"]]
        fused = all(p.device.type in FUSED and p.is_floating_point() for p in parameters)
        return {"lr": self.lr, "betas": (self.beta1, self.beta2), "eps": self.eps, "fused": fused}


@optimizer("adam")
@dataclass(frozen=True, kw_only=True)
class Adam(AdamLike):
    """Adam; ``momentum`` in a schedule means ``beta1``.

    Attributes:
        weight_decay: L2 penalty added to the gradient [>= 0].

    Source:
        Kingma & Ba 2014, arXiv:1412.6980.
    """

    weight_decay: float = 0.0

    def build(self, parameters: Parameters) -> torch.optim.Optimizer:
        """Return the optimizer of ``parameters``."""
        groups = as_groups(parameters)
        return torch.optim.Adam(groups, weight_decay=self.weight_decay, **self.fields(groups))


@optimizer("adamw")
@dataclass(frozen=True, kw_only=True)
class AdamW(AdamLike):
    """Adam with decoupled weight decay; ``momentum`` in a schedule means ``beta1``.

    Attributes:
        weight_decay: part of the weights removed at each step, times the rate [>= 0].

    Source:
        Loshchilov & Hutter 2017, arXiv:1711.05101.
    """

    weight_decay: float = 0.01

    def build(self, parameters: Parameters) -> torch.optim.Optimizer:
        """Return the optimizer of ``parameters``."""
        groups = as_groups(parameters)
        return torch.optim.AdamW(groups, weight_decay=self.weight_decay, **self.fields(groups))


@optimizer("rmsprop")
@dataclass(frozen=True, kw_only=True)
class RmsProp(Grouped):
    """RMSprop: the gradient over the root of its mean square.

    Attributes:
        lr: the peak rate that schedules are written around [>= 0].
        alpha: decay of the mean of squares [0 <= x < 1].
        eps: added to the denominator [>= 0].
        momentum: factor of the running update [0 <= x < 1].
        weight_decay: L2 penalty added to the gradient [>= 0].
        centered: whether the variance stands for the mean square.

    Source:
        Tieleman & Hinton 2012, lecture 6.5 of "Neural Networks for Machine Learning".
    """

    lr: float = 1e-3
    alpha: float = 0.99
    eps: float = 1e-8
    momentum: float = 0.9
    weight_decay: float = 0.0
    centered: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        check(self, "lr", "eps", "weight_decay")
        check(self, "alpha", "momentum", below=1.0)

    def build(self, parameters: Parameters) -> torch.optim.Optimizer:
        """Return the optimizer of ``parameters``."""
        return torch.optim.RMSprop(
            parameters,
            lr=self.lr,
            alpha=self.alpha,
            eps=self.eps,
            momentum=self.momentum,
            weight_decay=self.weight_decay,
            centered=self.centered,
        )
