"""What the records of other frameworks' loops share: rows that lack a column, steps that come twice."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from .. import record
from ..recording.recording import Recording


class Loop:
    """A framework's loop, recorded; the record is opened by the first :meth:`begin`.

    Args:
        arguments: those of ``runner.record`` that the user gave.
    """

    def __init__(self, arguments: Mapping[str, Any]) -> None:
        self.run: Recording | None = None
        self._arguments = dict(arguments)
        self._last = {"step": -1, "evaluation": -1}

    @property
    def is_open(self) -> bool:
        """Whether there is a record that has not ended."""
        return self.run is not None and self.run.is_open

    def begin(self, known: Mapping[str, Any]) -> Recording:
        """Open the record, with what the framework knows where the user said nothing; once."""
        if self.run is None:
            self.run = record(**{**known, **self._arguments})
        return self.run

    def step(self, step: int, values: Mapping[str, float]) -> None:
        """Record an update once; a column that the first row had and this one lacks is not a number."""
        if self.run is None or not self._is_next("step", step):
            return
        columns = self.run.columns or tuple(values)
        row = {name: values.get(name, math.nan) for name in columns if name != "loss"}
        self.run.step(step=step, loss=values["loss"], **row)

    def evaluate(self, step: int, values: Mapping[str, float]) -> None:
        """Record an evaluation once; likewise."""
        if self.run is None or not self._is_next("evaluation", step):
            return
        columns = self.run.evaluated or tuple(values)
        row = {name: values.get(name, math.nan) for name in columns if name != "loss"}
        self.run.evaluate(step=step, loss=values["loss"], **row)

    def _is_next(self, what: str, step: int) -> bool:
        before, self._last[what] = self._last[what], max(step, self._last[what])
        return step > before
