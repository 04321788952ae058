"""The local record of a run: append-only files of fixed-size records. It alone is the truth of a run.

A row that was written is never written again: a resumed run that repeats steps after its checkpoint checks
that it finds what the journal already holds, and goes on writing where the journal ends.
"""

from __future__ import annotations

import json
import os
import struct
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray


class Journal:
    """One table of numbers in a file: a header line with the column names, then a record for each row.

    A record is the step (int64), the time (int64, milliseconds since 1970) and one float64 a column,
    little-endian. Opening a journal that exists drops a last row that a crash cut short, and goes on after
    the whole ones.

    Args:
        path: the file; made where it is missing.
        columns: names of the values in a row.

    Raises:
        ValueError: the file holds other columns.
    """

    def __init__(self, path: Path, columns: Sequence[str]) -> None:
        self.path = path
        self.columns = tuple(columns)
        self._pack = struct.Struct(f"<qq{len(self.columns)}d").pack
        self.differs_at: int | None = None
        self._held = self._reopen() if path.exists() and _has_header(path) else None
        self._next = int(self._held["step"][-1]) + 1 if self._held is not None and len(self._held) else 0
        self._file = path.open("wb" if self._held is None else "ab")
        if self._held is None:
            self._file.write(json.dumps({"columns": self.columns}).encode() + b"\n")
            self.flush()

    def _reopen(self) -> NDArray[np.void]:
        rows = read(self.path)
        names = tuple(rows.dtype.names or ())[2:]
        if names != self.columns:
            raise ValueError(f"{self.path} must hold the columns {self.columns}, got {names}")
        with self.path.open("rb") as file:
            header = len(file.readline())
        os.truncate(self.path, header + rows.nbytes)
        return rows

    def append(self, step: int, values: Sequence[float], milliseconds: int | None = None) -> None:
        """Add a row; steps rise. A step that the journal holds already is compared with it instead."""
        if step < self._next:
            self._compare(step, values)
            return
        when = time.time_ns() // 1_000_000 if milliseconds is None else milliseconds
        self._file.write(self._pack(step, when, *values))
        self._next = step + 1

    def _compare(self, step: int, values: Sequence[float]) -> None:
        """Note the first repeated step whose values are not the recorded ones, bit by bit."""
        assert self._held is not None
        row = self._held[np.searchsorted(self._held["step"], step)]
        recorded = np.array([row[name] for name in self.columns])
        same = np.array_equal(recorded, np.array(values, dtype=float), equal_nan=True)
        if self.differs_at is None and (row["step"] != step or not same):
            self.differs_at = step

    def flush(self) -> None:
        """Hand everything added so far to the operating system: it outlives this process."""
        self._file.flush()

    def sync(self) -> None:
        """Hand everything added so far to the disk: it outlives the machine's power."""
        self._file.flush()
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Flush and close the file."""
        self._file.close()

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


def count(path: Path) -> int:
    """Return how many whole rows a journal holds; none where there is no file."""
    if not path.exists() or not _has_header(path):
        return 0
    with path.open("rb") as file:
        header = file.readline()
        row = 16 + 8 * len(json.loads(header)["columns"])
        return (os.fstat(file.fileno()).st_size - len(header)) // row


def read(path: Path, skip: int = 0, limit: int = -1) -> NDArray[np.void]:
    """Return the whole rows of a journal after the first ``skip``, at most ``limit``, as a structured array.

    Its columns are ``step``, ``time`` (milliseconds) and the journal's own. A journal may be read while it is
    written.
    """
    with path.open("rb") as file:
        header = file.readline()
        if not header.endswith(b"\n"):  # a crash left not even a header
            return np.empty(0, dtype=[("step", "<i8"), ("time", "<i8")])
        columns = json.loads(header)["columns"]
        row = np.dtype([("step", "<i8"), ("time", "<i8"), *((name, "<f8") for name in columns)])
        file.seek(skip * row.itemsize, os.SEEK_CUR)
        body = file.read(limit * row.itemsize if limit >= 0 else -1)
    whole = len(body) // row.itemsize * row.itemsize
    return np.frombuffer(body[:whole], dtype=row)


def _has_header(path: Path) -> bool:
    with path.open("rb") as file:
        return file.readline().endswith(b"\n")
