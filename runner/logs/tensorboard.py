"""TensorBoard's event files, every point of them: its own reader keeps 10,000 of a figure."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from .log import Log, series_of
from .protobuf import BYTES, FIXED32, Malformed, fields, float32, signed

PATTERN = "*tfevents*"
FLOAT, DOUBLE = 1, 2  # a tensor's types

Point = tuple[float, str, float]


def read(files: Iterable[Path], name: str) -> Log:
    """Return the scalars of one run's event files, oldest first; a record that was cut off ends its file."""
    ordered = sorted(files, key=lambda file: (file.name, file.parent))
    return Log(name, "TensorBoard events", series_of(p for file in ordered for p in _points(file)))


def _points(file: Path) -> Iterator[Point]:
    for record in _records(file):
        try:
            yield from _scalars(record)
        except (Malformed, struct.error, UnicodeDecodeError):
            return


def _records(file: Path) -> Iterator[bytes]:
    """Yield the records: length (8 bytes), its checksum (4), data, the data's checksum (4)."""
    with file.open("rb") as stream:
        while len(head := stream.read(12)) == 12:
            (size,) = struct.unpack("<Q", head[:8])
            if size > 1 << 30:
                return
            data = stream.read(size + 4)
            if len(data) < size + 4:
                return
            yield data[:size]


def _scalars(event: bytes) -> Iterator[Point]:
    """Yield the scalars of one event: its step is field 2, its summary field 5."""
    step, summary = 0, b""
    for number, _, value in fields(event):
        if number == 2 and isinstance(value, int):
            step = signed(value)
        elif number == 5 and isinstance(value, bytes):
            summary = value
    for number, _, value in fields(summary):
        if number == 1 and isinstance(value, bytes):
            yield from _scalar(step, value)


def _scalar(step: int, message: bytes) -> Iterator[Point]:
    """Yield a value of a summary if it is one number: a float (field 2), or a tensor of one (field 8)."""
    tag, number = "", None
    for field, kind, value in fields(message):
        if field == 1 and isinstance(value, bytes):
            tag = value.decode()
        elif field == 2 and kind == FIXED32 and isinstance(value, bytes):
            number = float32(value)
        elif field == 8 and isinstance(value, bytes):
            number = _tensor(value)
    if tag and number is not None:
        yield step, tag, number


def _tensor(message: bytes) -> float | None:
    """Return the only number of a float tensor; ``None`` where it is of another kind."""
    dtype, packed = 0, {4: b"", 5: b"", 6: b""}  # content, floats, doubles
    for field, kind, value in fields(message):
        if field == 1 and isinstance(value, int):
            dtype = value
        elif field in packed and kind in (BYTES, FIXED32, 1) and isinstance(value, bytes):
            packed[field] += value
    if dtype not in (FLOAT, DOUBLE):
        return None
    data = packed[4] or packed[5 if dtype == FLOAT else 6]
    form = "<f4" if dtype == FLOAT else "<f8"
    return float(np.frombuffer(data, form)[0]) if len(data) == int(form[-1]) else None
