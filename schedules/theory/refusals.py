"""When a law must not be believed, in sentences."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .curve import Curve

LEAST_FALL = 0.5  # of the peak: the rate must fall below it in one of the curves at least
LARGEST_MISFIT = 0.02  # of the loss
FURTHEST = 4.0  # times the largest area of the curves: so far the law was tried
SAME_PEAK = 0.05


def reasons(curves: Sequence[Curve], misfit: float, rates: Any = None) -> tuple[str, ...]:
    """Return why a law fitted to these curves says nothing, in general or for a run with these rates."""
    found = [_drop(curves), _epochs(curves)]
    if misfit > LARGEST_MISFIT:
        found.append(
            f"the law misses its own curves by {misfit:.1%} of the loss, more than {LARGEST_MISFIT:.0%}: "
            "they are of another kind, or too noisy"
        )
    if rates is not None:
        found += _beyond(curves, np.asarray(rates, dtype=np.float64))
    return tuple(reason for reason in found if reason)


def _drop(curves: Sequence[Curve]) -> str:
    lowest = min(curve.fallen_to for curve in curves)
    if lowest <= LEAST_FALL:
        return ""
    which = "a lone constant rate" if len(curves) == 1 and lowest > 0.999 else "a history without a drop"
    return (
        f"{which} says nothing about what a falling rate brings: the lowest rate after the peak is "
        f"{lowest:.0%} of it; add a run that cools down"
    )


def _epochs(curves: Sequence[Curve]) -> str:
    most = max((curve.epochs for curve in curves if curve.epochs is not None), default=1.0)
    if most <= 1.0:
        return ""
    return f"the data were seen {most:.3g} times: the law is of data seen once, and ignores overfitting"


def _beyond(curves: Sequence[Curve], rates: Any) -> list[str]:
    found = []
    peak, known = float(rates.max(initial=0.0)), curves[0].peak
    if abs(peak / known - 1) > SAME_PEAK:
        found.append(
            f"the peak rate is {peak:g} and that of the curves {known:g}: a law holds for one peak rate"
        )
    area, largest = float(rates.sum()), max(curve.area for curve in curves)
    if area > FURTHEST * largest:
        found.append(
            f"the run goes {area / largest:.1f} times as far as the curves, by the sum of the rates; "
            f"beyond {FURTHEST:.0f} times the law was never tried"
        )
    return found
