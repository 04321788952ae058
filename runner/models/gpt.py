"""GPT: the decoder-only Transformer."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..trainables.data import Data
from ..trainables.registries import model
from .transformer import Block, Rotary, check_sizes

POSITIONS = ("learned", "rotary")


@model("gpt")
@dataclass(frozen=True, kw_only=True)
class Gpt:
    """Scores for each next token, given the tokens up to there.

    The defaults are small. GPT-2 (124M): ``depth=12 width=768 heads=12``, a vocabulary of 50257 and a context
    of 1024, which the dataset says.

    Attributes:
        depth: blocks [>= 1].
        width: numbers per token [>= 1], a multiple of ``heads``.
        heads: attention heads [>= 1].
        positions: ``learned`` (added to the tokens) or ``rotary`` (queries and keys are turned).
        tied: whether the output layer is the token embedding.
        bias: whether linear layers and norms have biases.
        dropout: part set to zero in training [0 <= x < 1].

    Source:
        Radford et al. 2019 (GPT-2); initial weights as there: N(0, 0.02), residual outputs smaller by the
        square root of their number.
    """

    depth: int = 4
    width: int = 128
    heads: int = 4
    positions: str = "learned"
    tied: bool = True
    bias: bool = True
    dropout: float = 0.0

    def __post_init__(self) -> None:
        check_sizes(self.depth, self.width, self.heads, self.dropout)
        if self.positions not in POSITIONS:
            raise ValueError(f"positions must be one of {', '.join(POSITIONS)}, got {self.positions!r}")
        if self.positions == "rotary" and self.width // self.heads % 2:
            raise ValueError(
                f"width / heads must be even for rotary positions, got {self.width // self.heads}"
            )

    def build(self, data: Data) -> nn.Module:
        """Return the network: ``(batch, context) -> (batch, context, vocabulary)``."""
        data.check("gpt", "language")
        return Decoder(self, context=data.input_shape[0], vocabulary=data.num_outputs)


class Decoder(nn.Module):
    """What :class:`Gpt` builds."""

    def __init__(self, settings: Gpt, context: int, vocabulary: int) -> None:
        super().__init__()
        width = settings.width
        is_rotary = settings.positions == "rotary"
        self.tokens = nn.Embedding(vocabulary, width)
        self.positions = None if is_rotary else nn.Embedding(context, width)
        self.blocks = nn.Sequential(
            *(
                Block(
                    width=width,
                    heads=settings.heads,
                    hidden=4 * width,
                    dropout=settings.dropout,
                    causal=True,
                    rotary=Rotary(context, width // settings.heads) if is_rotary else None,
                    bias=settings.bias,
                )
                for _ in range(settings.depth)
            )
        )
        self.norm = nn.LayerNorm(width, bias=settings.bias)
        self.head = nn.Linear(width, vocabulary, bias=False)
        if settings.tied:
            self.head.weight = self.tokens.weight
        self.dropout = nn.Dropout(settings.dropout)
        self._initialize(settings.depth)

    def _initialize(self, depth: int) -> None:
        for name, parameter in self.named_parameters():
            if parameter.dim() == 2:
                is_residual = name.endswith("_out.weight")
                nn.init.normal_(parameter, std=0.02 / math.sqrt(2 * depth) if is_residual else 0.02)
            elif name.endswith("bias"):
                nn.init.zeros_(parameter)

    def forward(self, tokens: Tensor) -> Tensor:
        """Map token numbers ``(batch, context)`` to scores ``(batch, context, vocabulary)``."""
        x = self.tokens(tokens)
        if self.positions is not None:
            x = x + self.positions(torch.arange(tokens.shape[1], device=tokens.device))
        return self.head(self.norm(self.blocks(self.dropout(x))))
