"""Tables and small pictures in plain text, as wide as the terminal."""

from __future__ import annotations

import math
import os
import shutil
import textwrap
from collections.abc import Callable, Sequence
from typing import TextIO

import numpy as np

from ..elementwise import FloatArray
from ..schedule import evaluate
from .sample import Curve

BLOCKS = "▁▂▃▄▅▆▇█"
ASCII_BLOCKS = ".:-=+*#@"
UNLIMITED = 10_000  # columns of a pipe: what reads it wants one line for each row


def width(stream: TextIO) -> int:
    """Return the columns to fill: ``COLUMNS``, else the terminal's; a pipe has no end."""
    if not stream.isatty() and "COLUMNS" not in os.environ:
        return UNLIMITED
    return shutil.get_terminal_size((80, 24)).columns


def blocks(stream: TextIO) -> str:
    """Return the characters for eight levels that the stream can write."""
    try:
        BLOCKS.encode(stream.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return ASCII_BLOCKS
    return BLOCKS


def bold(stream: TextIO) -> Callable[[str], str]:
    """Return the function that makes text stand out on a terminal, and leaves it alone elsewhere."""
    if stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb":
        return lambda text: f"\033[1m{text}\033[0m"
    return lambda text: text


def table(rows: Sequence[Sequence[str]], width: int, indent: str = "") -> list[str]:
    """Return the rows as lines, columns two spaces apart; the widest wrap where the line is too short."""
    columns = [max(map(len, column)) for column in zip(*rows, strict=True)]
    room = width - len(indent) - 2 * (len(columns) - 1)
    while sum(columns) > room and max(columns) > 12:
        columns[columns.index(max(columns))] -= 1
    lines = []
    for row in rows:
        cells = [textwrap.wrap(cell, size) or [""] for cell, size in zip(row, columns, strict=True)]
        for i in range(max(map(len, cells))):
            parts = [
                (cell[i] if i < len(cell) else "").ljust(n) for cell, n in zip(cells, columns, strict=True)
            ]
            lines.append((indent + "  ".join(parts)).rstrip())
    return lines


def paragraph(text: str, width: int, indent: str = "") -> list[str]:
    """Return the text as lines."""
    return textwrap.wrap(text, width, initial_indent=indent, subsequent_indent=indent)


def columns_of(schedule: Curve, total_steps: int, columns: int) -> FloatArray:
    """Return the value in the middle of each column's part of the run."""
    steps = np.floor((np.arange(columns) + 0.5) * total_steps / columns)
    return evaluate(schedule, steps)


def scale(values: FloatArray, low: float, high: float, log: bool = False) -> FloatArray:
    """Return each value's place between the ends of a scale, in [0, 1]."""
    if log and low > 0:
        values, low, high = np.log(np.maximum(values, low)), math.log(low), math.log(high)
    return np.clip((values - low) / (high - low if high > low else 1.0), 0.0, 1.0)


def bars(parts: FloatArray, height: int = 1, levels: str = BLOCKS) -> list[str]:
    """Return a bar for each number in [0, 1], as ``height`` lines of text; 0 is the lowest level.

    >>> bars(np.array([0.0, 0.3, 0.6, 1.0]), height=2)
    ['  ▂█', '▁▅██']
    """
    filled = 1 + np.rint(parts * (len(levels) * height - 1)).astype(int)
    return [
        "".join(f" {levels}"[int(n)] for n in np.clip(filled - len(levels) * row, 0, len(levels)))
        for row in reversed(range(height))
    ]
