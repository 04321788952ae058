"""Tables with a row for each step, or for each step and kind of figure: CSV and Parquet."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..errors import ConfigError
from .log import Floats, Log, Series

STEPS = (
    *("step", "steps", "global_step", "_step", "trainer/global_step", "train/global_step", "iteration"),
    "iter",
)
"""What the column of the steps is called; the first that is there counts."""
RUNS = ("run", "run_name", "run_id")
"""What the column is called that says which of several runs a row is of."""


def read_csv(file: Path, name: str, step: str | None = None) -> list[Log]:
    """Return the columns of a CSV file that hold numbers; a last row that was cut off is left out.

    Raises:
        ConfigError: the file has no column of steps, or none of the name asked for.
    """
    with file.open(newline="", errors="replace") as stream:
        rows = csv.reader(stream)
        header = [title.strip() for title in next(rows, [])]
        body = [row for row in rows if len(row) == len(header)]
    columns = dict(zip(header, zip(*body, strict=True), strict=True)) if body else {}
    runs = next((title for title in RUNS if title in header), None)
    which = list(columns.pop(runs, ())) if runs is not None else []
    title = _step_column(file, header, step)
    numbers = {t: np.array([_number(cell) for cell in cells]) for t, cells in columns.items()}
    return _logs(name, "CSV", numbers, title, which)


def _number(cell: str) -> float:
    try:
        return float(cell)
    except ValueError:
        return float("nan")


def read_parquet(file: Path, name: str, step: str | None = None) -> list[Log]:
    """Return the columns of a Parquet file that hold numbers.

    Raises:
        ConfigError: the file cannot be read (a Parquet file's index is at its end, so a truncated one is
            lost), or has no column of steps.
    """
    import pyarrow
    from pyarrow import parquet

    try:
        table = parquet.read_table(file)
    except (pyarrow.ArrowException, OSError) as error:
        reason = str(error).splitlines()[0]
        raise ConfigError(f"{file} cannot be read, cut off perhaps: {reason}") from None
    types = pyarrow.types
    numeric = [f.name for f in table.schema if types.is_floating(f.type) or types.is_integer(f.type)]
    runs = next((title for title in RUNS if title in table.column_names), None)
    which = [str(run) for run in table.column(runs).to_pylist()] if runs is not None else []
    title = _step_column(file, numeric, step)
    numbers = {
        c: np.array(table.column(c).to_pylist(), dtype=np.float64) for c in numeric if c != runs
    }  # what is missing becomes NaN
    return _logs(name, "Parquet", numbers, title, which)


def _logs(name: str, kind: str, columns: dict[str, Floats], step: str, which: Sequence[str]) -> list[Log]:
    """Return a log for each run of a table; of a step that was written twice the last row counts."""
    steps = columns.pop(step, np.empty(0))
    rows_of: dict[str, list[int]] = defaultdict(list)
    for row in np.flatnonzero(np.isfinite(steps)).tolist():
        rows_of[which[row] if which else name].append(row)
    logs = []
    for run, rows in rows_of.items():
        series = {}
        for title, values in columns.items():
            held = {float(steps[row]): float(values[row]) for row in rows if not np.isnan(values[row])}
            if held:
                table = np.array(sorted(held.items()), dtype=np.float64)
                series[title] = Series(table[:, 0], table[:, 1])
        logs.append(Log(run, kind, series))
    return logs


def _step_column(file: Path, titles: Sequence[str], asked: str | None) -> str:
    for title in (asked,) if asked is not None else STEPS:
        if title in titles:
            return title
    what = f"named {asked!r}" if asked is not None else f"of steps ({', '.join(STEPS[:3])}, ...)"
    raise ConfigError(f"{file} has no column {what}: it has {', '.join(titles[:12]) or 'none'}; see --step")
