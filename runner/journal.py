"""The local record of a run: append-only files of fixed-size records, written before anything is sent."""

from __future__ import annotations

import json
import struct
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray


class Journal:
    """One table of numbers in a file: a header line with the column names, then a record for each row.

    A record is the step (int64), the time (int64, milliseconds since 1970) and one float64 a column,
    little-endian. A row cut short by a crash is left out when the file is read.

    Args:
        path: the file; it is made, and must not exist.
        columns: names of the values in a row.
    """

    def __init__(self, path: Path, columns: Sequence[str]) -> None:
        self.path = path
        self.columns = tuple(columns)
        self._pack = struct.Struct(f"<qq{len(self.columns)}d").pack
        self._file = path.open("xb")
        self._file.write(json.dumps({"columns": self.columns}).encode() + b"\n")

    def append(self, step: int, values: Sequence[float], milliseconds: int | None = None) -> None:
        """Add a row. It reaches the disk with the next ``flush`` at the latest."""
        when = time.time_ns() // 1_000_000 if milliseconds is None else milliseconds
        self._file.write(self._pack(step, when, *values))

    def flush(self) -> None:
        """Hand everything added so far to the operating system: it outlives this process."""
        self._file.flush()

    def close(self) -> None:
        """Flush and close the file."""
        self._file.close()


def read(path: Path, skip: int = 0) -> NDArray[np.void]:
    """Return the rows of a journal after the first ``skip``, as a structured array.

    Its columns are ``step``, ``time`` (milliseconds) and the journal's own.
    """
    with path.open("rb") as file:
        columns = json.loads(file.readline())["columns"]
        body = file.read()
    row = np.dtype([("step", "<i8"), ("time", "<i8"), *((name, "<f8") for name in columns)])
    whole = len(body) // row.itemsize * row.itemsize
    return np.frombuffer(body[:whole], dtype=row)[skip:]
