"""Text, character by character or byte by byte."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ..trainables.data import Data
from ..trainables.registries import dataset
from .windows import Windows, check_context, language

LEVELS = ("char", "byte")


@dataset("text")
@dataclass(frozen=True, kw_only=True)
class Text:
    """Language modelling on a file, a folder of files, or the language reference that Python ships.

    Attributes:
        path: a UTF-8 file, or a folder whose files that fit ``pattern`` are read in order of their names;
            ``null`` is Python's own reference (``pydoc_data.topics``, 460,000 characters; another version of
            Python has another text).
        pattern: which files of a folder.
        level: ``char`` (the characters that occur) or ``byte`` (256 tokens).
        context: tokens in a window [>= 1].
        val_fraction: part held out for validation, the end of the text [0 < x < 1].
    """

    path: str | None = None
    pattern: str = "**/*.txt"
    level: str = "char"
    context: int = 64
    val_fraction: float = 0.1

    def __post_init__(self) -> None:
        check_context(self.context)
        if self.level not in LEVELS:
            raise ValueError(f"level must be one of {', '.join(LEVELS)}, got {self.level!r}")
        if not 0.0 < self.val_fraction < 1.0:
            raise ValueError(f"val_fraction must be a number > 0 and < 1, got {self.val_fraction}")

    def load(self) -> Data:
        """Return windows of shape ``(examples, context)`` and the token after each of their tokens."""
        tokens, vocab_size = tokenized(self.read(), self.level)
        split = len(tokens) - int(len(tokens) * self.val_fraction)
        train, val = (Windows(part, self.context) for part in (tokens[:split], tokens[split:]))
        return language(train, val, vocab_size)

    def read(self) -> str:
        """Return the whole text."""
        if self.path is None:
            from pydoc_data.topics import topics

            return "\n\n".join(topics[name] for name in sorted(topics))
        path = Path(self.path)
        files = sorted(f for f in path.glob(self.pattern) if f.is_file()) if path.is_dir() else [path]
        if not files or not files[0].is_file():
            what = f"a folder with files {self.pattern}" if path.is_dir() else "a file or a folder of files"
            raise ValueError(f"path must be {what}, got {self.path!r}; null is a text that Python ships")
        try:
            return "\n\n".join(file.read_text(encoding="utf-8") for file in files)
        except UnicodeDecodeError as error:
            raise ValueError(f"path must hold UTF-8 text, got {self.path!r}: {error}") from error


def tokenized(text: str, level: str) -> tuple[Tensor, int]:
    """Return the token numbers of ``text``, shape ``(tokens,)``, and how many different ones there can be."""
    if level == "byte":
        return torch.frombuffer(bytearray(text.encode() or b"\0"), dtype=torch.uint8), 256
    points = np.frombuffer(text.encode("utf-32-le"), dtype=np.uint32)
    alphabet, numbers = np.unique(points, return_inverse=True)
    return torch.from_numpy(numbers.astype(np.int32)), len(alphabet)
