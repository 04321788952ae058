"""The rows of a recorded run: what a script says of a step or of an evaluation, into a journal."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ..record.journal import Journal, read


class Rows:
    """One journal of a script's; its columns are the names that come first, and stay.

    Args:
        path: the journal's file.
        call: how the script calls what adds a row, for messages.
        first: the names that stand first among the columns.
    """

    def __init__(self, path: Path, call: str, first: tuple[str, ...]) -> None:
        self._path, self._call, self._first = path, call, first
        self._journal: Journal | None = None
        self.columns: tuple[str, ...] = ()
        """The names of the values; empty before the first row."""
        self.recorded = 0
        """One above the last step that is held."""
        self.last = -1
        """The last step that this process added or repeated."""
        self._reopen()

    def _reopen(self) -> None:
        if not self._path.exists():
            return
        rows = read(self._path)
        columns = (rows.dtype.names or ())[2:]
        if columns:
            self._open(tuple(columns))
        if len(rows):
            self.recorded = int(rows["step"][-1]) + 1

    def _open(self, columns: tuple[str, ...]) -> Journal:
        self.columns = columns
        self._journal = Journal(self._path, columns)
        return self._journal

    def add(self, step: int, values: Mapping[str, float]) -> None:
        """Add a row that outlives this process; one of a step that is held already is compared with it.

        Raises:
            ValueError: the step does not rise, the names are not those of the first row, or a value is no
                number.
        """
        if step <= self.last:
            raise ValueError(f"{self._call} step must be above the one before, {self.last}, got {step}")
        journal = self._journal or self._open(self._ordered(values))
        if values.keys() != set(self.columns):
            raise ValueError(
                f"{self._call} must be given {', '.join(sorted(self.columns))} as in the first row, "
                f"got {', '.join(sorted(values))}"
            )
        journal.append(step, [_number(self._call, name, values[name]) for name in self.columns])
        journal.flush()
        self.last = step
        self.recorded = max(self.recorded, step + 1)

    def _ordered(self, values: Mapping[str, float]) -> tuple[str, ...]:
        first = [name for name in self._first if name in values]
        return (*first, *(name for name in values if name not in first))

    @property
    def differs_at(self) -> int | None:
        """The first repeated step whose values are not those that are held; ``None``: there is none."""
        return self._journal.differs_at if self._journal is not None else None

    def close(self) -> None:
        """Close the journal."""
        if self._journal is not None:
            self._journal.close()


def _number(call: str, name: str, value: object) -> float:
    try:
        return float(value)  # type: ignore[arg-type]  # tensors and numpy's numbers, too
    except (TypeError, ValueError) as error:
        raise ValueError(f"{call} {name} must be a number, got {value!r}") from error
