"""The noisy quadratic: the smallest problem on which schedules differ as they do in training."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ..trainables.data import Data
from ..trainables.registries import model


@model("quadratic")
@dataclass(frozen=True, kw_only=True)
class Quadratic:
    """A quadratic bowl whose gradient is seen through noise::

        L(w) = 1/2 sum_i lam_i w_i^2      gradient_i = lam_i w_i + sqrt(noise lam_i) x_i,   E x_i^2 = 1

    Many copies descend at once, each with noise of its own (the dataset ``noise``), and the loss is their
    mean: what a schedule comes to on average. Under plain SGD that is known in closed form,
    :func:`expected_losses`, and the dataset's exact noise reproduces it to rounding.

    Attributes:
        curvatures: ``lam`` of each coordinate [> 0]; an empty list takes the power law.
        start: initial ``w_i`` of every coordinate; not used by the power law.
        noise: variance of the gradient's noise, in ``lam_i`` [>= 0]; a batch of ``B`` sees it over ``B``.
        dim: coordinates of the power law [>= 1], ``lam_i = i^-decay`` and
            ``lam_i w_i(0)^2 = i^-(source decay + 1)``.
        decay: how fast the power law's curvatures fall [>= 0].
        source: how much of its loss lies in flat directions: less for smaller numbers [>= 0].

    Source:
        Zhang et al. 2019, arXiv:1907.04164 (noisy quadratic model); the power law: Li et al. 2025,
        arXiv:2509.19189 (functional scaling laws).
    """

    curvatures: list[float] = field(default_factory=lambda: [1.0, 0.1, 0.01])
    start: float = 1.0
    noise: float = 0.5
    dim: int = 100
    decay: float = 1.25
    source: float = 1.0

    def __post_init__(self) -> None:
        if any(not curvature > 0.0 for curvature in self.curvatures):
            raise ValueError(f"curvatures must be numbers > 0, got {list(self.curvatures)}")
        for name in ("noise", "decay", "source"):
            if not getattr(self, name) >= 0.0:
                raise ValueError(f"{name} must be a number >= 0, got {getattr(self, name)}")
        if self.dim < 1:
            raise ValueError(f"dim must be a whole number >= 1, got {self.dim}")

    def problem(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the curvatures and the initial weights, shape ``(dim,)`` each."""
        if self.curvatures:
            return np.array(self.curvatures), np.full(len(self.curvatures), self.start)
        number = np.arange(1, self.dim + 1, dtype=np.float64)
        curvatures = number**-self.decay
        return curvatures, np.sqrt(number ** -(self.source * self.decay + 1.0) / curvatures)

    def expected_losses(self, rates: Iterable[float], batch_size: int = 1) -> NDArray[np.float64]:
        """Return the expected loss before each of SGD's updates at ``rates``, and after the last.

        The second moments ``v_i = E w_i^2`` obey ``v_i <- (1 - rate lam_i)^2 v_i + rate^2 noise lam_i / B``.

        >>> Quadratic().expected_losses([0.5] * 200)[-1].round(10)
        np.float64(0.0909590742)
        """
        curvatures, start = self.problem()
        second = start**2
        losses = [0.5 * curvatures @ second]
        for rate in rates:
            kick = rate**2 * self.noise * curvatures / batch_size
            second = (1.0 - rate * curvatures) ** 2 * second + kick
            losses.append(0.5 * curvatures @ second)
        return np.array(losses)

    def build(self, data: Data) -> nn.Module:
        """Return the bowl: noise ``(batch, copies)`` or ``(batch, copies, dim)`` -> losses ``(batch,)``."""
        data.check("quadratic", "quadratic")
        curvatures, start = self.problem()
        if len(data.input_shape) == 2 and data.input_shape[1] != len(curvatures):
            raise ValueError(
                f"quadratic has {len(curvatures)} coordinates and must have noise for each, "
                f"got noise for {data.input_shape[1]}: dataset.dim={len(curvatures)}"
            )
        return Bowl(curvatures, start, self.noise, copies=data.input_shape[0])


class Bowl(nn.Module):
    """What :class:`Quadratic` builds: ``weight`` has shape ``(1, copies, dim)``: it is no matrix."""

    curvatures: Tensor

    def __init__(
        self, curvatures: NDArray[np.float64], start: NDArray[np.float64], noise: float, copies: int
    ) -> None:
        super().__init__()
        self.noise = noise
        self.weight = nn.Parameter(torch.tensor(start, dtype=torch.float32).repeat(1, copies, 1))
        self.register_buffer("curvatures", torch.tensor(curvatures, dtype=torch.float32))

    def forward(self, noise: Tensor) -> Tensor:
        """Return the copies' mean loss under each example's noise, whose gradient is that of their sum."""
        if noise.dim() == 2:
            noise = noise[:, :, None]  # one draw for all coordinates of a copy
        bowl = 0.5 * self.curvatures * self.weight**2
        pushed = (self.noise * self.curvatures).sqrt() * noise * self.weight
        losses = (bowl + pushed).sum(dim=-1)  # (batch, copies)
        # Each copy descends on its own, whatever their number: so the gradient is not divided by it.
        total = losses.sum(dim=-1)
        return losses.mean(dim=-1).detach() + (total - total.detach())
