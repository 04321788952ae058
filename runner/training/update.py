"""One optimizer update: the gradient of a batch, what is done to it, the step."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.swa_utils import AveragedModel

from ..errors import ConfigError
from ..trainables.tasks import Mean
from .ranks import ALONE, Ranks

Autocast = Callable[[], AbstractContextManager[Any]]

DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16}

SMALLEST_SCALE = 1e-4
"""A gradient that still overflows at this loss scale never will fit: fairseq's limit, for the same reason."""


class Figures(NamedTuple):
    """What one update measured, on the device; ``None`` for what it does not measure.

    Attributes:
        loss: the mean loss of the batch, over all processes.
        grad_norm: the Euclidean norm of the gradient before it is clipped.
        skipped_updates: tries so far whose gradient overflowed fp16.
        loss_scale: the scale of the loss after this update.
    """

    loss: Tensor
    grad_norm: Tensor | None = None
    skipped_updates: Tensor | None = None
    loss_scale: Tensor | None = None

    def measured(self) -> tuple[Tensor, ...]:
        """Return the figures that were measured, in the order of :attr:`Update.columns`."""
        return tuple(figure for figure in self if figure is not None)


class Update:
    """Trains on one batch: gradients, their norm, clipping, the optimizer's step, the moving average.

    Args:
        model: in training mode, on the device of the batches.
        optimizer: of the model's parameters.
        loss_of: mean loss of outputs and targets.
        autocast: makes the context that forward passes run in; ``None`` for fp32.
        micro_batches: equal parts that a batch is computed in [>= 1].
        clip_norm: the longest gradient, as a Euclidean norm [> 0]; ``None`` for any.
        log_grad_norm: measure the norm also where nothing is clipped.
        averaged: the moving average of the model, updated after every update.
        compile: have torch compile the forward and the backward pass, at the first batch.
        ranks: the processes that train together.
    """

    def __init__(
        self,
        *,
        model: nn.Module,
        optimizer: Optimizer,
        loss_of: Mean,
        autocast: Autocast | None = None,
        micro_batches: int = 1,
        clip_norm: float | None = None,
        log_grad_norm: bool = False,
        averaged: AveragedModel | None = None,
        compile: bool = False,
        ranks: Ranks = ALONE,
    ) -> None:
        self._model = model
        self._forward: Callable[[Tensor], Any] = model
        self._optimizer = optimizer
        self._loss_of = loss_of
        self._autocast = autocast
        self._micro_batches = micro_batches
        self._clip_norm = clip_norm
        self._measures = log_grad_norm or clip_norm is not None
        self._averaged = averaged
        self._compile = compile
        self._ranks = ranks
        self._hold_back: Callable[[], AbstractContextManager[Any]] = nullcontext

    @property
    def columns(self) -> list[str]:
        """Names of the figures that an update measures, in their order."""
        return [name for name in Figures._fields if name in self._measured]

    @property
    def _measured(self) -> set[str]:
        """Names of the figures that are not ``None``."""
        return {"loss", "grad_norm"} if self._measures else {"loss"}

    def autocast(self) -> AbstractContextManager[Any]:
        """Return the context that forward passes run in."""
        return nullcontext() if self._autocast is None else self._autocast()

    def join(self) -> None:
        """Connect the model with its copies in the other processes; called by each before its first step."""
        self._forward, self._hold_back = self._ranks.connect(self._model)
        if self._compile:
            self._forward = torch.compile(self._forward)

    def __call__(self, inputs: Tensor, targets: Tensor) -> Figures:
        """Make the update; return its figures without waiting for the device."""
        loss = self._gradients(inputs, targets)
        norm = self._norm()
        self._optimizer.step()
        self._finish()
        return Figures(self._ranks.mean(loss), norm)

    def _gradients(self, inputs: Tensor, targets: Tensor) -> Tensor:
        """Leave the gradients of the batch's mean loss in the parameters; return the loss."""
        if self._micro_batches == 1:
            loss = self._loss(inputs, targets)
            self._backward(loss)
            return loss.detach()
        *first, last = zip(inputs.chunk(self._micro_batches), targets.chunk(self._micro_batches), strict=True)
        with self._hold_back():  # processes exchange gradients once, at the last part
            losses = [self._part(x, y) for x, y in first]
        return torch.stack([*losses, self._part(*last)]).sum()

    def _part(self, inputs: Tensor, targets: Tensor) -> Tensor:
        loss = self._loss(inputs, targets) / self._micro_batches
        self._backward(loss)
        return loss.detach()

    def _loss(self, inputs: Tensor, targets: Tensor) -> Tensor:
        if self._autocast is None:
            return self._loss_of(self._forward(inputs), targets)
        with self._autocast():
            return self._loss_of(self._forward(inputs), targets)

    def _backward(self, loss: Tensor) -> None:
        loss.backward()

    def _norm(self) -> Tensor | None:
        """Clip the gradients by their norm as one vector; return it, or ``None`` where it is not measured."""
        if not self._measures:
            return None
        parameters = [p for group in self._optimizer.param_groups for p in group["params"]]
        norm = nn.utils.get_total_norm([p.grad for p in parameters if p.grad is not None])
        norm = self._ranks.whole(norm)
        if self._clip_norm is not None:
            nn.utils.clip_grads_with_norm_(parameters, self._clip_norm, norm)
        return norm

    def _finish(self) -> None:
        self._optimizer.zero_grad(set_to_none=True)
        if self._averaged is not None:
            self._averaged.update_parameters(self._model)

    def state_dict(self) -> dict[str, Any]:
        """Return what a checkpoint has to hold of this."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Put a checkpoint's state in place."""


class ScaledUpdate(Update):
    """An update in fp16: the loss is scaled up so that small gradients do not vanish.

    Where a gradient overflows there is no update: the scale is halved and the same batch is tried again. So
    the step stays what everything is a function of: batch, schedule, budget.

    Raises:
        FloatingPointError: the gradient overflows at any scale.

    Source:
        Micikevicius et al. 2017, arXiv:1710.03740.
    """

    def __init__(self, *, device: torch.device, **arguments: Any) -> None:
        super().__init__(**arguments)
        self._scaler = torch.amp.GradScaler(device.type)
        self._skipped = 0

    @property
    def _measured(self) -> set[str]:
        return {*super()._measured, "skipped_updates", "loss_scale"}

    def __call__(self, inputs: Tensor, targets: Tensor) -> Figures:
        """Make the update, with as many tries as it takes."""
        while True:
            loss = self._ranks.mean(self._gradients(inputs, targets))
            self._scaler.unscale_(self._optimizer)
            norm = self._norm()
            before = self._scaler.get_scale()
            self._scaler.step(self._optimizer)
            self._scaler.update()
            scale = self._scaler.get_scale()
            if scale >= before or not torch.isfinite(loss):  # such a loss ends the run
                break
            self._optimizer.zero_grad(set_to_none=True)
            self._skipped += 1
            if scale < SMALLEST_SCALE:
                raise FloatingPointError(f"the gradient overflows fp16 at any loss scale >= {SMALLEST_SCALE}")
        self._finish()
        return Figures(loss, norm, torch.tensor(float(self._skipped)), torch.tensor(scale))

    def _backward(self, loss: Tensor) -> None:
        self._scaler.scale(loss).backward()

    def state_dict(self) -> dict[str, Any]:
        """Return the scale, how long it has held, and the count."""
        return {"scaler": self._scaler.state_dict(), "skipped": self._skipped}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Put them back."""
        self._scaler.load_state_dict(state["scaler"])
        self._skipped = state["skipped"]


def autocast_of(precision: str, device: torch.device) -> Autocast | None:
    """Return what makes the context of forward passes in ``precision``; ``None`` for fp32.

    Raises:
        ConfigError: the device does not compute in it.
    """
    if precision == "fp32":
        return None
    available = torch.amp.is_autocast_available(device.type)
    if not available or (
        precision == "bf16" and device.type == "cuda" and not torch.cuda.is_bf16_supported(False)
    ):
        raise ConfigError(f"trainer.precision must be one that {device} computes in, got {precision!r}")
    return partial(torch.autocast, device.type, DTYPES[precision])


def update_of(precision: str, device: torch.device, **arguments: Any) -> Update:
    """Return the kind of update that ``precision`` asks for.

    Raises:
        ConfigError: the device or the weights cannot do it.
    """
    autocast = autocast_of(precision, device)
    if precision != "fp16":
        return Update(autocast=autocast, **arguments)
    if any(p.dtype is torch.float16 for p in arguments["model"].parameters()):
        raise ConfigError("trainer.precision must be fp32 for a model whose weights are in fp16 already")
    return ScaledUpdate(device=device, autocast=autocast, **arguments)
