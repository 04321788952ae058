"""The vision Transformer."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..trainables.data import Data
from ..trainables.registries import model
from .transformer import Block, check_sizes


@model("vit")
@dataclass(frozen=True, kw_only=True)
class Vit:
    """Patches of the image as tokens through Transformer blocks; a class token's output is classified.

    The defaults are small. ViT-B/16: ``patch_size=16 width=768 depth=12 heads=12``, images of 224 x 224.

    Attributes:
        patch_size: side of a patch [pixels, >= 1]; it divides the image's height and width.
        depth: blocks [>= 1].
        width: numbers per token [>= 1], a multiple of ``heads``.
        heads: attention heads [>= 1].
        mlp_ratio: width of each block's perceptron, in ``width`` [>= 1].
        dropout: part set to zero in training [0 <= x < 1].

    Source:
        Dosovitskiy et al. 2020, arXiv:2010.11929.
    """

    patch_size: int = 4
    depth: int = 6
    width: int = 192
    heads: int = 3
    mlp_ratio: int = 4
    dropout: float = 0.0

    def __post_init__(self) -> None:
        check_sizes(self.depth, self.width, self.heads, self.dropout)
        for name in ("patch_size", "mlp_ratio"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be a whole number >= 1, got {getattr(self, name)}")

    def build(self, data: Data) -> nn.Module:
        """Return the network: ``(batch, channels, height, width) -> (batch, num_outputs)``."""
        data.check("vit", "classification", "regression")
        _, height, width = data.image_shape("vit")
        if height % self.patch_size or width % self.patch_size:
            raise ValueError(
                f"patch_size must divide the image's {height} x {width} pixels, got {self.patch_size}"
            )
        return VisionTransformer(self, data)


class VisionTransformer(nn.Module):
    """What :class:`Vit` builds."""

    def __init__(self, settings: Vit, data: Data) -> None:
        super().__init__()
        channels, height, image_width = data.image_shape("vit")
        side, width = settings.patch_size, settings.width
        patches = (height // side) * (image_width // side)
        self.class_token = nn.Parameter(torch.zeros(1, 1, width))
        self.positions = nn.Parameter(torch.zeros(1, patches + 1, width))
        self.patches = nn.Conv2d(channels, width, kernel_size=side, stride=side)
        self.blocks = nn.Sequential(
            *(
                Block(
                    width=width,
                    heads=settings.heads,
                    hidden=settings.mlp_ratio * width,
                    dropout=settings.dropout,
                    eps=1e-6,
                )
                for _ in range(settings.depth)
            )
        )
        head = OrderedDict(norm=nn.LayerNorm(width, eps=1e-6), linear=nn.Linear(width, data.num_outputs))
        self.head = nn.Sequential(head)
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.trunc_normal_(module.weight, std=0.02)
                nn.init.zeros_(module.bias)
        nn.init.trunc_normal_(self.positions, std=0.02)
        nn.init.trunc_normal_(self.class_token, std=0.02)

    def forward(self, images: Tensor) -> Tensor:
        """Map ``(batch, channels, height, width)`` to ``(batch, num_outputs)``."""
        patches = self.patches(images).flatten(2).transpose(1, 2)  # (batch, patches, width)
        tokens = torch.cat([self.class_token.expand(len(images), -1, -1), patches], dim=1)
        return self.head(self.blocks(tokens + self.positions)[:, 0])
