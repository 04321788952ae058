"""A small convolutional network."""

from __future__ import annotations

from dataclasses import dataclass, field

from torch import nn

from ..trainables.data import Data
from ..trainables.registries import model


@model("cnn")
@dataclass(frozen=True, kw_only=True)
class Cnn:
    """3 x 3 convolutions with batch norm and ReLU, halving the image after each but the first, then a mean.

    Attributes:
        channels: output channels of each convolution [>= 1].
    """

    channels: list[int] = field(default_factory=lambda: [32, 64])

    def __post_init__(self) -> None:
        if not self.channels or any(width < 1 for width in self.channels):
            raise ValueError(f"channels must be one or more widths >= 1, got {list(self.channels)}")

    def build(self, data: Data) -> nn.Module:
        """Return the network: ``(batch, channels, height, width) -> (batch, num_outputs)``."""
        data.check("cnn", "classification", "regression")
        before, _, _ = data.image_shape("cnn")
        layers: list[nn.Module] = []
        for after in self.channels:
            stride = 2 if layers else 1
            conv = nn.Conv2d(before, after, kernel_size=3, stride=stride, padding=1, bias=False)
            layers += [conv, nn.BatchNorm2d(after), nn.ReLU()]
            before = after
        head = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(before, data.num_outputs)]
        return nn.Sequential(*layers, *head)
