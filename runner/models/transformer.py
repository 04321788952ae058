"""The Transformer block that ``gpt`` and ``vit`` are stacks of."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention


class Block(nn.Module):
    """Attention and a two-layer perceptron, each on the normed input and added to it (pre-norm).

    Args:
        width: numbers per position.
        heads: attention heads; ``width / heads`` is a whole number, and even for rotary positions.
        hidden: width of the perceptron's hidden layer.
        dropout: part of attention weights and of both outputs set to zero in training.
        causal: whether a position sees those up to itself only.
        rotary: turns queries and keys by their position; ``None`` leaves them.
        bias: whether linear layers and norms have biases.
        eps: added to the variance in the norms.
    """

    def __init__(
        self,
        *,
        width: int,
        heads: int,
        hidden: int,
        dropout: float = 0.0,
        causal: bool = False,
        rotary: Rotary | None = None,
        bias: bool = True,
        eps: float = 1e-5,
    ) -> None:
        super().__init__()
        self.heads, self.causal, self.dropout = heads, causal, dropout
        self.rotary = rotary
        self.attention_norm = nn.LayerNorm(width, eps=eps, bias=bias)
        self.query_key_value = nn.Linear(width, 3 * width, bias=bias)
        self.attention_out = nn.Linear(width, width, bias=bias)
        self.perceptron_norm = nn.LayerNorm(width, eps=eps, bias=bias)
        self.perceptron_in = nn.Linear(width, hidden, bias=bias)
        self.perceptron_out = nn.Linear(hidden, width, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(batch, positions, width)`` to the same shape."""
        x = x + self._drop(self._attention(self.attention_norm(x)))
        inner = nn.functional.gelu(self.perceptron_in(self.perceptron_norm(x)))
        return x + self._drop(self.perceptron_out(inner))

    def _attention(self, x: Tensor) -> Tensor:
        batch, positions, width = x.shape
        split = self.query_key_value(x).view(batch, positions, 3, self.heads, width // self.heads)
        query, key, value = split.permute(2, 0, 3, 1, 4)  # each (batch, heads, positions, width / heads)
        if self.rotary is not None:
            query, key = self.rotary(query), self.rotary(key)
        dropout = self.dropout if self.training else 0.0
        seen = scaled_dot_product_attention(query, key, value, dropout_p=dropout, is_causal=self.causal)
        return self.attention_out(seen.transpose(1, 2).reshape(batch, positions, width))

    def _drop(self, x: Tensor) -> Tensor:
        return nn.functional.dropout(x, self.dropout, self.training) if self.dropout else x


class Rotary(nn.Module):
    """Rotary positions: turn each pair of numbers by its position times the pair's own frequency.

    A query and a key then meet at an angle that only their distance decides.

    Args:
        positions: the most there are.
        width: numbers per head, even.
        base: the slowest pair's wavelength is about ``2 pi base``.

    Source:
        Su et al. 2021, arXiv:2104.09864; pairs are halves apart, as in GPT-NeoX and Llama.
    """

    cos: Tensor
    sin: Tensor

    def __init__(self, positions: int, width: int, base: float = 10_000.0) -> None:
        super().__init__()
        frequencies = base ** (-torch.arange(0, width, 2, dtype=torch.float64) / width)
        angles = torch.outer(torch.arange(positions, dtype=torch.float64), frequencies)
        # A function of the shape alone, so checkpoints need not hold it.
        self.register_buffer("cos", angles.cos().float(), persistent=False)
        self.register_buffer("sin", angles.sin().float(), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Turn ``(batch, heads, positions, width)``."""
        cos, sin = (part[: x.shape[-2]].to(x.dtype) for part in (self.cos, self.sin))
        first, second = x.chunk(2, dim=-1)
        return torch.cat([first * cos - second * sin, first * sin + second * cos], dim=-1)


def check_sizes(depth: int, width: int, heads: int, dropout: float) -> None:
    """Raise ``ValueError`` where a stack of blocks cannot have these sizes."""
    for name, value in (("depth", depth), ("heads", heads)):
        if value < 1:
            raise ValueError(f"{name} must be a whole number >= 1, got {value}")
    if width < 1 or width % heads:
        raise ValueError(f"width must be a multiple of the {heads} heads, got {width}")
    if not 0.0 <= dropout < 1.0:
        raise ValueError(f"dropout must be a number >= 0 and < 1, got {dropout}")
