"""Where to look at a schedule to show all of it, and on which scale. Used by every kind of picture."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..elementwise import FloatArray
from ..schedule import evaluate, knots

Curve = Callable[[Any], Any]

_POINTS = 2000  # more than a picture has columns
_DECADES = 4  # shown below the highest value on a log scale: a decay to 0 has no lowest one


def sample(schedule: Curve, total_steps: int, points: int = _POINTS) -> tuple[FloatArray, FloatArray]:
    """Return steps of the run that show the whole curve, and the values there.

    The steps are a grid, the last one, and each knot with the step before it.

    >>> from schedules import Step
    >>> steps, values = sample(Step(peak_value=1.0, step_size=30), 60, points=3)
    >>> steps.tolist(), values.round(2).tolist()
    ([0.0, 29.0, 30.0, 59.0], [1.0, 1.0, 0.1, 0.1])
    """
    last = total_steps - 1
    grid = np.linspace(0, last, min(total_steps, points)).round()
    turns = np.array(knots(schedule, last), dtype=np.float64)
    if len(turns) > points:  # more turns than a picture can show
        turns = turns[:0]
    steps = np.unique(np.concatenate([grid, turns, turns - 1]))
    return steps, evaluate(schedule, steps)


def scale_ends(curves: Sequence[FloatArray], log: bool = False) -> tuple[float, float, bool]:
    """Return the lowest and the highest value to show, and whether a log scale suits.

    Values that span much are shown from 0, or, if asked, on a log scale that ends 4 decades below the
    highest; others fill the scale.

    >>> scale_ends([np.array([0.01, 0.1])]), scale_ends([np.array([0.85, 0.95])], log=True)
    ((0.0, 0.1, False), (0.85, 0.95, False))
    """
    low = min(float(values.min()) for values in curves)
    high = max(float(values.max()) for values in curves)
    wide = 0 <= low < high / 3.0
    if log and wide:
        positive = min(float(values[values > 0].min()) for values in curves if (values > 0).any())
        return max(positive, high * 10.0**-_DECADES), high, True
    return 0.0 if wide or low == high >= 0 else low, high, False
