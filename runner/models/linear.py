"""The linear model."""

from __future__ import annotations

import math
from collections import OrderedDict
from dataclasses import dataclass

from torch import nn

from ..trainables.data import Data
from ..trainables.registries import model


@model("linear")
@dataclass(frozen=True, kw_only=True)
class Linear:
    """One linear map of the flattened input: linear or logistic regression, a convex problem.

    Attributes:
        bias: whether a constant is learned too.
        zero_init: start at zero and not at random, so that runs of all seeds start at one point.
    """

    bias: bool = True
    zero_init: bool = True

    def build(self, data: Data) -> nn.Module:
        """Return the map: ``(batch, *input_shape) -> (batch, num_outputs)``."""
        data.check("linear", "classification", "regression")
        head = nn.Linear(math.prod(data.input_shape), data.num_outputs, bias=self.bias)
        if self.zero_init:
            for parameter in head.parameters():
                nn.init.zeros_(parameter)
        return nn.Sequential(OrderedDict(flat=nn.Flatten(), head=head))
