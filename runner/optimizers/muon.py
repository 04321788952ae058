"""Muon for the hidden matrices, AdamW for the rest: one optimizer for the loop."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch.optim import Optimizer

from ..trainables.registries import optimizer
from .groups import Group, Grouped, Parameters, as_groups, check


@optimizer("muon")
@dataclass(frozen=True, kw_only=True)
class Muon(Grouped):
    """Orthogonalized momentum for hidden matrices; AdamW for embeddings, last layer and what is no matrix.

    A schedule drives both: AdamW's rate and ``beta1`` keep their ratio to Muon's rate and momentum.

    Attributes:
        lr: the peak rate of the hidden matrices, that schedules are written around [> 0].
        momentum: factor of the running gradient [0 < x < 1].
        nesterov: look ahead along the momentum.
        weight_decay: part of all weights removed at each step, times the rate [>= 0].
        ns_steps: steps of the orthogonalization [>= 1].
        match_rms_adamw: scale updates to the size of AdamW's, so that its rates fit (Liu et al.), instead of
            by the matrix's shape (Jordan et al.).
        adamw_lr: the peak rate of the rest [>= 0].
        adamw_beta1: AdamW's [0 <= x < 1].
        adamw_beta2: AdamW's [0 <= x < 1].
        adamw_eps: AdamW's [>= 0].

    Source:
        Jordan et al. 2024, kellerjordan.github.io/posts/muon; Liu et al. 2025, arXiv:2502.16982.
    """

    lr: float = 0.02
    momentum: float = 0.95
    nesterov: bool = True
    weight_decay: float = 0.01
    ns_steps: int = 5
    match_rms_adamw: bool = False
    adamw_lr: float = 3e-3
    adamw_beta1: float = 0.9
    adamw_beta2: float = 0.95
    adamw_eps: float = 1e-8

    splits_hidden: ClassVar[bool] = True
    needs_whole_tensors: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        check(self, "lr", "weight_decay", "adamw_lr", "adamw_eps")
        check(self, "momentum", "adamw_beta1", "adamw_beta2", below=1.0)
        for name in ("lr", "momentum"):  # the rest's are parts of them
            if getattr(self, name) == 0.0:
                raise ValueError(f"{name} must be a number > 0, got 0.0")
        if self.ns_steps < 1:
            raise ValueError(f"ns_steps must be a whole number >= 1, got {self.ns_steps}")

    def build(self, parameters: Parameters) -> Optimizer:
        """Return the optimizer of groups that say which are ``hidden``."""
        hidden: list[Group] = []
        rest: list[Group] = []
        for group in as_groups(parameters):
            if group.pop("hidden", False):
                hidden.append(group)
            else:
                group["lr_scale"] = group.get("lr_scale", 1.0) * self.adamw_lr / self.lr
                group["momentum_scale"] = self.adamw_beta1 / self.momentum
                rest.append(group)
        if not hidden:
            raise ValueError("muon needs a model with hidden matrices, got one with none")
        adjust = "match_rms_adamw" if self.match_rms_adamw else "original"
        first = torch.optim.Muon(
            hidden,
            lr=self.lr,
            weight_decay=self.weight_decay,
            momentum=self.momentum,
            nesterov=self.nesterov,
            ns_steps=self.ns_steps,
            adjust_lr_fn=adjust,
        )
        if not rest:
            return first
        second = torch.optim.AdamW(
            rest,
            lr=self.lr,
            betas=(self.adamw_beta1, self.adamw_beta2),
            eps=self.adamw_eps,
            weight_decay=self.weight_decay,
        )
        return Together([first, second])


class Together(Optimizer):
    """Optimizers of different parameters as one: their groups in a row, their states in one table.

    Args:
        parts: the optimizers; each goes on with its own groups.
    """

    def __init__(self, parts: list[Optimizer]) -> None:
        groups = [group for part in parts for group in part.param_groups]
        super().__init__([dict(group) for group in groups], {})
        self._parts = parts
        self._counts = [len(part.param_groups) for part in parts]
        self._share()

    def _share(self) -> None:
        """Let the parts work on our groups and our table: what is written or loaded here reaches them."""
        start = 0
        for part, count in zip(self._parts, self._counts, strict=True):
            part.param_groups = self.param_groups[start : start + count]
            part.state = self.state
            start += count

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update all parameters."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for part in self._parts:
            part.step()
        return loss

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Put a state in place, and share it again."""
        super().load_state_dict(state_dict)
        self._share()
