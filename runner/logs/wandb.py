"""W&B's offline files (``run-*.wandb``): records of LevelDB's log format, each a protocol buffer."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .log import Log, series_of
from .protobuf import Malformed, fields, inside, signed

PATTERN = "*.wandb"
BLOCK, HEADER = 32_768, 7  # bytes
WHOLE, FIRST, MIDDLE, LAST = 1, 2, 3, 4  # kinds of a piece
HISTORY, CONFIG, RUN, EXIT = 2, 5, 17, 18  # kinds of a record
STEPS = ("train/global_step", "trainer/global_step", "global_step", "step", "_step")
"""What holds the updates; W&B's own ``_step`` counts calls, and comes last."""


def read(file: Path, name: str, step: str | None = None) -> Log:
    """Return the history of an offline run; a record that was cut off ends it."""
    points: list[tuple[float, str, float]] = []
    settings: dict[str, str] = {}
    ended = False
    try:
        for record in _records(file.read_bytes()):
            for number, _, value in fields(record):
                if number == HISTORY and isinstance(value, bytes):
                    points += _row(value, (step, *STEPS) if step else STEPS)
                elif number == RUN and isinstance(value, bytes):
                    for config in inside(value, 4):
                        settings |= _config(config)
                elif number == CONFIG and isinstance(value, bytes):
                    settings |= _config(value)
                elif number == EXIT:
                    ended = True
    except Malformed:
        pass
    return Log(name, "W&B offline", series_of(points), settings=settings, running=not ended)


def _records(content: bytes) -> Iterator[bytes]:
    """Yield the records; each is one piece or several, and no piece crosses a block of 32 KiB."""
    place, parts = HEADER, b""  # the file begins with ":W&B", a number and a version
    while place + HEADER <= len(content):
        left = BLOCK - place % BLOCK
        if left < HEADER:
            place += left
            continue
        size, kind = struct.unpack("<HB", content[place + 4 : place + HEADER])
        piece = content[place + HEADER : place + HEADER + size]
        if len(piece) < size or kind not in (WHOLE, FIRST, MIDDLE, LAST):
            return
        place += HEADER + size
        parts = piece if kind in (WHOLE, FIRST) else parts + piece
        if kind in (WHOLE, LAST):
            yield parts


def _items(message: bytes, number: int) -> Iterator[tuple[str, Any]]:
    """Yield keys with their values: the key in field 1, or its parts in field 2."""
    for item in inside(message, number):
        keys: list[str] = []
        held: Any = None
        for field, _, value in fields(item):
            if field in (1, 2) and isinstance(value, bytes):
                keys += [value.decode(errors="replace")] if value else []
            elif field > 2:
                held = _value(field, value)
        if keys and held is not None:
            yield "/".join(keys), held


def _value(field: int, value: int | bytes) -> Any:
    """Return an item's value: JSON in 8 or 16, text in 7, a double in 6, a whole number in 5."""
    if isinstance(value, int):
        return signed(value) if field == 5 else None
    if field == 6:
        return struct.unpack("<d", value)[0]
    if field == 7:
        return value.decode(errors="replace")
    try:
        return json.loads(value) if field in (8, 16) else None
    except ValueError:
        return None


def _row(history: bytes, steps: tuple[str, ...]) -> list[tuple[float, str, float]]:
    """Return the numbers of one row of the history."""
    row = {key: value for key, value in _items(history, 1) if _is_number(value)}
    for part in inside(history, 2):
        for number, _, value in fields(part):
            if number == 1 and isinstance(value, int):
                row.setdefault("_step", value)
    step = next((row[name] for name in steps if name in row), 0)
    return [
        (float(step), key, float(value))
        for key, value in row.items()
        if not key.startswith("_") and key not in steps
    ]


def _config(config: bytes) -> dict[str, str]:
    """Return the settings that are one value each."""
    found = {}
    for key, value in _items(config, 1):
        held = value.get("value") if isinstance(value, dict) and "value" in value else value
        if isinstance(held, str | int | float):
            found[key] = str(held)
    return found


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
