"""The optimizers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch.nn import Parameter

from .registries import optimizer


def _check(settings: object, *names: str, below: float | None = None) -> None:
    """Raise where a number is negative, or reaches ``below``."""
    for name in names:
        value = getattr(settings, name)
        if not value >= 0.0 or (below is not None and value >= below):
            rule = ">= 0" if below is None else f">= 0 and < {below:g}"
            raise ValueError(f"{name} must be a number {rule}, got {value}")


@optimizer("sgd")
@dataclass(frozen=True, kw_only=True)
class Sgd:
    """Stochastic gradient descent with momentum.

    Attributes:
        lr: the peak rate that schedules are written around [>= 0].
        momentum: factor of the running gradient [0 <= x < 1]; a schedule may drive it.
        weight_decay: L2 penalty added to the gradient [>= 0].
        nesterov: look ahead along the momentum.
    """

    lr: float = 0.1
    momentum: float = 0.9
    weight_decay: float = 0.0
    nesterov: bool = False

    def __post_init__(self) -> None:
        _check(self, "lr", "weight_decay")
        _check(self, "momentum", below=1.0)

    def build(self, parameters: Iterable[Parameter]) -> torch.optim.Optimizer:
        """Return the optimizer of ``parameters``."""
        return torch.optim.SGD(
            parameters,
            lr=self.lr,
            momentum=self.momentum,
            weight_decay=self.weight_decay,
            nesterov=self.nesterov,
        )


@optimizer("adamw")
@dataclass(frozen=True, kw_only=True)
class AdamW:
    """Adam with decoupled weight decay; ``momentum`` in a schedule means ``beta1``.

    Attributes:
        lr: the peak rate that schedules are written around [>= 0].
        beta1: decay of the mean of gradients [0 <= x < 1].
        beta2: decay of the mean of their squares [0 <= x < 1].
        eps: added to the denominator [>= 0].
        weight_decay: part of the weights removed at each step, times the rate [>= 0].

    Source:
        Loshchilov & Hutter 2017, arXiv:1711.05101.
    """

    lr: float = 3e-3
    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-8
    weight_decay: float = 0.01

    def __post_init__(self) -> None:
        _check(self, "lr", "eps", "weight_decay")
        _check(self, "beta1", "beta2", below=1.0)

    def build(self, parameters: Iterable[Parameter]) -> torch.optim.Optimizer:
        """Return the optimizer of ``parameters``."""
        return torch.optim.AdamW(
            parameters,
            lr=self.lr,
            betas=(self.beta1, self.beta2),
            eps=self.eps,
            weight_decay=self.weight_decay,
        )
