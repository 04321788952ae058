"""VGG: plain stacks of 3 x 3 convolutions."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from itertools import pairwise

from torch import nn

from ..trainables.data import Data
from ..trainables.registries import model

STAGES = {11: [1, 1, 2, 2, 2], 13: [2, 2, 2, 2, 2], 16: [2, 2, 3, 3, 3], 19: [2, 2, 4, 4, 4]}
"""Convolutions of each stage by depth: Simonyan & Zisserman, table 1, configurations A, B, D and E."""


@model("vgg")
@dataclass(frozen=True, kw_only=True)
class Vgg:
    """Five stages of 3 x 3 convolutions, each ended by 2 x 2 pooling; then linear layers.

    The defaults are for small images. As published: ``width=64 grid=7 hidden=[4096,4096] batch_norm=false``.

    Attributes:
        depth: layers with weights, as published: 11, 13, 16 or 19.
        width: channels of the first stage [>= 1]; they double to eight times as many.
        batch_norm: whether a batch norm follows each convolution.
        grid: side of the image that the linear layers see [>= 1].
        hidden: width of each hidden linear layer [>= 1].
        dropout: part of each hidden layer's outputs set to zero in training [0 <= x < 1].

    Source:
        Simonyan & Zisserman 2014, arXiv:1409.1556.
    """

    depth: int = 11
    width: int = 64
    batch_norm: bool = True
    grid: int = 1
    hidden: list[int] = field(default_factory=list)
    dropout: float = 0.5

    def __post_init__(self) -> None:
        if self.depth not in STAGES:
            raise ValueError(f"depth must be one of {', '.join(map(str, STAGES))}, got {self.depth}")
        for name in ("width", "grid"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be a whole number >= 1, got {getattr(self, name)}")
        if any(width < 1 for width in self.hidden):
            raise ValueError(f"hidden must be widths >= 1, got {list(self.hidden)}")
        if not 0.0 <= self.dropout < 1.0:
            raise ValueError(f"dropout must be a number >= 0 and < 1, got {self.dropout}")

    def build(self, data: Data) -> nn.Module:
        """Return the network: ``(batch, channels, height, width) -> (batch, num_outputs)``."""
        data.check("vgg", "classification", "regression")
        before, _, _ = data.image_shape("vgg")
        layers: list[nn.Module] = []
        for stage, count in enumerate(STAGES[self.depth]):
            after = self.width * min(2**stage, 8)
            for _ in range(count):
                layers += self._conv(before, after)
                before = after
            # Rounding up lets images of any size through; at multiples of 32 it changes nothing.
            layers.append(nn.MaxPool2d(2, ceil_mode=True))
        widths = [before * self.grid**2, *self.hidden]
        linear: list[nn.Module] = [nn.AdaptiveAvgPool2d(self.grid), nn.Flatten()]
        for inner, outer in pairwise(widths):
            linear += [_linear(inner, outer), nn.ReLU(inplace=True), nn.Dropout(self.dropout)]
        head = _linear(widths[-1], data.num_outputs)
        parts = OrderedDict(convolutions=nn.Sequential(*layers), hidden=nn.Sequential(*linear), head=head)
        return nn.Sequential(parts)

    def _conv(self, before: int, after: int) -> list[nn.Module]:
        conv = nn.Conv2d(before, after, kernel_size=3, padding=1, bias=not self.batch_norm)
        nn.init.kaiming_normal_(conv.weight, mode="fan_out", nonlinearity="relu")
        if conv.bias is not None:
            nn.init.zeros_(conv.bias)
        norm = [nn.BatchNorm2d(after)] if self.batch_norm else []
        return [conv, *norm, nn.ReLU(inplace=True)]


def _linear(before: int, after: int) -> nn.Linear:
    layer = nn.Linear(before, after)
    nn.init.normal_(layer.weight, std=0.01)
    nn.init.zeros_(layer.bias)
    return layer
