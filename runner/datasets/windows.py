"""Language modelling: a text is cut into windows, and each token is to be told from those before it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..trainables.data import Data, Examples, Pair
from ..trainables.tasks import LANGUAGE


@dataclass(frozen=True, eq=False)
class Windows:
    """Windows of a text that fits on the device; window ``i`` begins at token ``i * context``.

    Attributes:
        tokens: token numbers, shape ``(tokens,)``, of any whole-number type.
        context: tokens in a window.
    """

    tokens: Tensor
    context: int
    streams = False

    @property
    def device(self) -> torch.device:
        """Where they are."""
        return self.tokens.device

    @property
    def input_shape(self) -> tuple[int, ...]:
        """``(context,)``."""
        return (self.context,)

    def __len__(self) -> int:
        return (len(self.tokens) - 1) // self.context

    def take(self, chosen: Tensor) -> Pair:
        """Return windows ``(count, context)``, and each one's next tokens alike."""
        within = torch.arange(self.context + 1, device=self.device)
        windows = self.tokens[chosen[:, None] * self.context + within].long()
        return windows[:, :-1], windows[:, 1:]

    def to(self, device: torch.device) -> Windows:
        """Return the same windows on ``device``."""
        return replace(self, tokens=self.tokens.to(device))


class MappedWindows:
    """Windows of files that stay on disk and are read where a batch needs them; none spans two files.

    Args:
        files: paths and their token numbers, each mapped into memory.
        context: tokens in a window.
        vocab_size: what token numbers are below; checked in each batch.
        at_most: leave out what comes after so many windows; ``None`` keeps all.
    """

    streams = True
    device = torch.device("cpu")

    def __init__(
        self,
        files: list[tuple[Path, NDArray[np.unsignedinteger]]],
        context: int,
        vocab_size: int,
        at_most: int | None = None,
    ) -> None:
        self._files = files
        self._context = context
        self._vocab_size = vocab_size
        counts = [(len(tokens) - 1) // context for _, tokens in files]
        self._ends = np.cumsum(counts)
        total = int(self._ends[-1])
        self._count = total if at_most is None else min(total, at_most)

    @property
    def input_shape(self) -> tuple[int, ...]:
        """``(context,)``."""
        return (self._context,)

    def __len__(self) -> int:
        return self._count

    def take(self, chosen: Tensor) -> Pair:
        """Return windows ``(count, context)``, and each one's next tokens alike."""
        numbers = chosen.numpy()
        places = np.searchsorted(self._ends, numbers, side="right")
        windows = np.empty((len(numbers), self._context + 1), dtype=np.int64)
        for row, (number, place) in enumerate(zip(numbers, places, strict=True)):
            first = int(number - (self._ends[place - 1] if place else 0)) * self._context
            windows[row] = self._files[place][1][first : first + self._context + 1]
        highest = int(windows.max())
        if highest >= self._vocab_size:
            path = self._files[places[windows.max(axis=1).argmax()]][0]
            raise ValueError(f"{path} must hold tokens < vocab_size = {self._vocab_size}, got {highest}")
        both = torch.from_numpy(windows)
        return both[:, :-1], both[:, 1:]

    def to(self, device: torch.device) -> MappedWindows:
        """Return itself: batches go to the device one by one."""
        return self


def language(train: Examples, val: Examples, vocab_size: int) -> Data:
    """Return windows as a dataset.

    Raises:
        ValueError: the text is too short for a window to train on, or to be judged on.
    """
    [context] = train.input_shape
    for name, windows in (("training", train), ("validation", val)):
        if not len(windows):
            raise ValueError(f"context must leave at least one whole window for {name}, got {context}")
    return Data(train=train, val=val, task=LANGUAGE, num_outputs=vocab_size, tokens_per_example=context)


def check_context(context: int) -> None:
    """Raise ``ValueError`` where a window cannot have this length."""
    if context < 1:
        raise ValueError(f"context must be a whole number >= 1, got {context}")
