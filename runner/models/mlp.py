"""The multi-layer perceptron."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from itertools import pairwise

from torch import nn

from ..trainables.data import Data
from ..trainables.registries import model


@model("mlp")
@dataclass(frozen=True, kw_only=True)
class Mlp:
    """Linear layers with ReLU between them, on the flattened input.

    Attributes:
        hidden: width of each hidden layer [>= 1]; an empty list is logistic regression.
    """

    hidden: list[int] = field(default_factory=lambda: [128, 128])

    def __post_init__(self) -> None:
        if any(width < 1 for width in self.hidden):
            raise ValueError(f"hidden must be widths >= 1, got {list(self.hidden)}")

    def build(self, data: Data) -> nn.Module:
        """Return the network: ``(batch, *input_shape) -> (batch, num_outputs)``."""
        data.check("mlp", "classification", "regression")
        widths = [math.prod(data.input_shape), *self.hidden]
        layers: list[nn.Module] = [nn.Flatten()]
        for before, after in pairwise(widths):
            layers += [nn.Linear(before, after), nn.ReLU()]
        return nn.Sequential(*layers, nn.Linear(widths[-1], data.num_outputs))
