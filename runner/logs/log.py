"""What a log holds: some figures of one run over its steps."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Series:
    """One figure: the updates finished when it was seen, rising, and its values."""

    steps: Floats
    values: Floats


@dataclass(frozen=True, eq=False)
class Log:
    """One run as some program wrote it down.

    Attributes:
        name: its place below what was asked for.
        kind: the format, in words.
        series: name -> figure, every point that was whole.
        total_steps: updates that were planned; 0 where the log does not say.
        epochs: how many times the data were seen; ``None`` where the log does not say.
        plan: the schedule of the rate as a spec, where the log has one.
        settings: what else it says of the run, flat.
        running: whether the log itself says that the run has not ended.
    """

    name: str
    kind: str
    series: Mapping[str, Series]
    total_steps: int = 0
    epochs: float | None = None
    plan: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, str] = field(default_factory=dict)
    running: bool = False


def series_of(points: Iterable[tuple[float, str, float]]) -> dict[str, Series]:
    """Return the figures of ``(step, name, value)`` in the order they were written.

    Of a step that was written twice, as by a run that went back to its checkpoint, the last counts.

    >>> found = series_of([(1, "loss", 3.0), (2, "loss", 2.0), (1, "loss", 2.5)])
    >>> found["loss"].steps.tolist(), found["loss"].values.tolist()
    ([1.0, 2.0], [2.5, 2.0])
    """
    held: dict[str, dict[float, float]] = defaultdict(dict)
    for step, name, value in points:
        held[name][step] = value
    found = {}
    for name, values in held.items():
        rows = np.array(sorted(values.items()), dtype=np.float64)
        found[name] = Series(rows[:, 0], rows[:, 1])
    return found
