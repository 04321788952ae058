"""Token files as nanoGPT and llm.c write them, read from disk as they are needed."""

from __future__ import annotations

from dataclasses import dataclass
from glob import glob
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ..trainables.data import Data
from ..trainables.registries import dataset
from .windows import MappedWindows, Windows, check_context, language

Tokens = NDArray[np.unsignedinteger]

FORMATS = ("raw", "llmc")
TYPES: dict[str, np.dtype[Any]] = {"uint16": np.dtype("<u2"), "uint32": np.dtype("<u4")}
MAGIC = {20240520: "uint16", 20240801: "uint32"}
"""First number of llm.c's header by the type of what follows: GPT-2's tokens, Llama 3's."""

HEADER = 256
"""Numbers of int32 in llm.c's header; the third is how many tokens follow."""

SOURCE = (
    "https://github.com/karpathy/nanoGPT (data/*/prepare.py) or https://github.com/karpathy/llm.c (dev/data)"
)


@dataset("tokens")
@dataclass(frozen=True, kw_only=True)
class TokenFiles:
    """Language modelling on tokenized files of any size.

    Attributes:
        train: a file, or a pattern of files (``data/fineweb_train_*.bin``), in order of their names.
        val: likewise for validation.
        format: ``raw`` (nanoGPT: token numbers and nothing else) or ``llmc`` (after a header of 1024 bytes).
        dtype: type of the numbers in ``raw`` files: ``uint16`` or ``uint32``; llm.c's headers say theirs.
        vocab_size: what all token numbers are below [>= 1]; GPT-2's by default.
        context: tokens in a window [>= 1].
        val_tokens: judge on the first so many tokens only [>= context]; ``null`` is all.
        stream: read batches from the disk while training; ``false`` puts all tokens on the device first.
    """

    train: str = "data/train.bin"
    val: str = "data/val.bin"
    format: str = "raw"
    dtype: str = "uint16"
    vocab_size: int = 50257
    context: int = 1024
    val_tokens: int | None = None
    stream: bool = True

    def __post_init__(self) -> None:
        check_context(self.context)
        for name, known in (("format", FORMATS), ("dtype", TYPES)):
            if getattr(self, name) not in known:
                raise ValueError(f"{name} must be one of {', '.join(known)}, got {getattr(self, name)!r}")
        if self.vocab_size < 1:
            raise ValueError(f"vocab_size must be a whole number >= 1, got {self.vocab_size}")
        if self.val_tokens is not None and self.val_tokens < self.context:
            raise ValueError(f"val_tokens must be >= the context of {self.context}, got {self.val_tokens}")

    def load(self) -> Data:
        """Return windows of shape ``(examples, context)`` and the token after each of their tokens."""
        at_most = None if self.val_tokens is None else self.val_tokens // self.context
        train, val = self._mapped("train"), self._mapped("val")
        if not self.stream:
            held, judged = self._held(train), self._held(val, at_most)
            return language(held, judged, self.vocab_size)
        mapped = MappedWindows(train, self.context, self.vocab_size)
        return language(mapped, MappedWindows(val, self.context, self.vocab_size, at_most), self.vocab_size)

    def _mapped(self, field: str) -> list[tuple[Path, Tokens]]:
        """Return the files that a field names, each mapped into memory and not read."""
        pattern = getattr(self, field)
        paths = sorted(Path(name) for name in glob(pattern))
        if not paths:
            raise ValueError(
                f"{field} must be a token file or a pattern of some, got {pattern!r}, which is not there; "
                f"make it with {SOURCE} and put it at {Path(pattern).absolute()}"
            )
        return [(path, self._map(path)) for path in paths]

    def _map(self, path: Path) -> Tokens:
        header = np.fromfile(path, dtype="<i4", count=HEADER)
        named = MAGIC.get(int(header[0])) if len(header) else None
        if self.format == "llmc":
            if named is None or len(header) < HEADER:
                raise ValueError(f"{path} must begin with llm.c's header, and doesn't; format=raw has none")
            tokens = np.memmap(path, TYPES[named], mode="r", offset=4 * HEADER)
            if len(tokens) != header[2]:
                raise ValueError(f"{path} must hold the {header[2]} tokens of its header, got {len(tokens)}")
            return tokens
        if named is not None:
            raise ValueError(f"{path} begins with llm.c's header: format must be llmc for it, got raw")
        size = path.stat().st_size
        if not size or size % TYPES[self.dtype].itemsize:
            raise ValueError(f"{path} must hold whole {self.dtype} numbers, got {size} bytes")
        return np.memmap(path, TYPES[self.dtype], mode="r")

    def _held(self, files: list[tuple[Path, Tokens]], at_most: int | None = None) -> Windows:
        """Return the windows in memory; those at the seam of two files see the beginning of the next."""
        stop = None if at_most is None else at_most * self.context + 1
        tokens = np.concatenate([tokens for _, tokens in files])[:stop].astype(np.int32)
        if (highest := int(tokens.max())) >= self.vocab_size:
            raise ValueError(f"tokens must be < vocab_size = {self.vocab_size}, got {highest}")
        return Windows(torch.from_numpy(tokens), self.context)
