"""Residual networks."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

from torch import Tensor, nn

from ..trainables.data import Data
from ..trainables.registries import model

IMAGENET = {18: [2, 2, 2, 2], 34: [3, 4, 6, 3], 50: [3, 4, 6, 3], 101: [3, 4, 23, 3], 152: [3, 8, 36, 3]}
"""Blocks of each stage by depth: He et al., table 1. From 50 on they are bottlenecks."""

CIFAR = {20: [3] * 3, 32: [5] * 3, 44: [7] * 3, 56: [9] * 3, 110: [18] * 3}
"""Likewise, section 4.2: 6 n + 2 layers in three stages."""

STEMS = ("cifar", "imagenet")


@model("resnet")
@dataclass(frozen=True, kw_only=True)
class ResNet:
    """Stages of residual blocks, each but the first halving the image and doubling the channels.

    Attributes:
        depth: layers with weights: 20, 32, 44, 56 or 110 (three stages, made for CIFAR), or 18, 34, 50, 101
            or 152 (four stages, made for ImageNet).
        stem: ``cifar`` (one 3 x 3 convolution) or ``imagenet`` (7 x 7 with stride 2, then pooling).
        width: channels of the first stage [>= 1]; ``null`` is 16 of three stages and 64 of four.
        zero_init_residual: start every block as the identity, as Goyal et al. 2017 (arXiv:1706.02677).

    Source:
        He et al. 2015, arXiv:1512.03385. A shortcut that changes shape is a 1 x 1 convolution; a bottleneck
        halves the image in its 3 x 3 convolution, as is usual since ("ResNet v1.5").
    """

    depth: int = 20
    stem: str = "cifar"
    width: int | None = None
    zero_init_residual: bool = False

    def __post_init__(self) -> None:
        if self.depth not in CIFAR | IMAGENET:
            known = ", ".join(map(str, sorted(CIFAR | IMAGENET)))
            raise ValueError(f"depth must be one of {known}, got {self.depth}")
        if self.stem not in STEMS:
            raise ValueError(f"stem must be one of {', '.join(STEMS)}, got {self.stem!r}")
        if self.width is not None and self.width < 1:
            raise ValueError(f"width must be a whole number >= 1, got {self.width}")

    def build(self, data: Data) -> nn.Module:
        """Return the network: ``(batch, channels, height, width) -> (batch, num_outputs)``."""
        data.check("resnet", "classification", "regression")
        channels, _, _ = data.image_shape("resnet")
        stages = (CIFAR | IMAGENET)[self.depth]
        width = self.width or (16 if self.depth in CIFAR else 64)
        grown = 4 if self.depth in IMAGENET and self.depth >= 50 else 1
        blocks: list[nn.Module] = []
        before = width
        for stage, count in enumerate(stages):
            inner = width * 2**stage
            for number in range(count):
                stride = 2 if stage and number == 0 else 1
                blocks.append(Block(before, inner, inner * grown, stride, self.zero_init_residual))
                before = inner * grown
        parts = OrderedDict(
            stem=_stem(self.stem, channels, width),
            blocks=nn.Sequential(*blocks),
            pool=nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten()),
            head=nn.Linear(before, data.num_outputs),
        )
        return nn.Sequential(parts)


class Block(nn.Module):
    """Two 3 x 3 convolutions and a shortcut; 1 x 1, 3 x 3, 1 x 1 where ``after`` is wider than ``inner``."""

    def __init__(self, before: int, inner: int, after: int, stride: int, zero_init: bool) -> None:
        super().__init__()
        if after == inner:
            shapes = [(before, inner, 3, stride), (inner, after, 3, 1)]
        else:
            shapes = [(before, inner, 1, 1), (inner, inner, 3, stride), (inner, after, 1, 1)]
        layers: list[nn.Module] = []
        for shape in shapes:
            layers += [*_conv(*shape), nn.ReLU(inplace=True)]
        self.residual = nn.Sequential(*layers[:-1])
        changes = before != after or stride != 1
        self.shortcut = nn.Sequential(*(_conv(before, after, 1, stride) if changes else []))
        if zero_init:
            nn.init.zeros_(layers[-2].weight)  # type: ignore[arg-type]  # the last norm's

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(batch, before, height, width)`` to ``(batch, after, height / stride, width / stride)``."""
        return nn.functional.relu(self.residual(x) + self.shortcut(x))


def _conv(before: int, after: int, kernel: int, stride: int) -> list[nn.Module]:
    """Return a convolution with He et al.'s initial weights, and its batch norm."""
    conv = nn.Conv2d(before, after, kernel, stride, padding=kernel // 2, bias=False)
    nn.init.kaiming_normal_(conv.weight, mode="fan_out", nonlinearity="relu")
    return [conv, nn.BatchNorm2d(after)]


def _stem(kind: str, channels: int, width: int) -> nn.Module:
    if kind == "cifar":
        return nn.Sequential(*_conv(channels, width, 3, 1), nn.ReLU(inplace=True))
    pool = nn.MaxPool2d(kernel_size=3, stride=2, padding=1)
    return nn.Sequential(*_conv(channels, width, 7, 2), nn.ReLU(inplace=True), pool)
