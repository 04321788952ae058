"""Noise for the noisy quadratic."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..trainables.data import Data, Tensors
from ..trainables.registries import dataset
from ..trainables.tasks import QUADRATIC


@dataset("noise")
@dataclass(frozen=True, kw_only=True)
class Noise:
    """Draws of mean 0 and variance 1 for many copies of one descent; none for validation.

    Exact noise is +1 or -1 from the rows of a Hadamard matrix: any two draws are orthogonal over the copies,
    and each is to the constant. So the copies' mean of anything quadratic in the draws is its expectation,
    to rounding, for one epoch: ``copies - 1`` updates at batch size 1.

    Attributes:
        copies: how many descend at once [>= 2]; exact noise needs a power of two.
        exact: whether the noise is exact, or random.
        draws: examples of random noise [>= 1].
        dim: coordinates that random noise is drawn for, each apart [>= 1].
        draw_seed: which random noise; the run's seed only orders it.
    """

    copies: int = 1024
    exact: bool = True
    draws: int = 1024
    dim: int = 3
    draw_seed: int = 0

    def __post_init__(self) -> None:
        if self.copies < 2 or (self.exact and self.copies & (self.copies - 1)):
            rule = "a power of two >= 2 for exact noise" if self.exact else "a whole number >= 2"
            raise ValueError(f"copies must be {rule}, got {self.copies}")
        for name in ("draws", "dim"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be a whole number >= 1, got {getattr(self, name)}")

    def load(self) -> Data:
        """Return draws of shape ``(examples, copies)`` if exact, else ``(examples, copies, dim)``."""
        draws = self._exact() if self.exact else self._random()
        none = torch.zeros(1, *draws.shape[1:])
        return Data(
            train=Tensors(draws, torch.zeros(len(draws))),
            val=Tensors(none, torch.zeros(1)),
            task=QUADRATIC,
            num_outputs=1,
        )

    def _exact(self) -> Tensor:
        from scipy.linalg import hadamard

        return torch.from_numpy(hadamard(self.copies)[1:]).float()  # the first is the constant

    def _random(self) -> Tensor:
        generator = torch.Generator().manual_seed(self.draw_seed)
        return torch.randn(self.draws, self.copies, self.dim, generator=generator)
