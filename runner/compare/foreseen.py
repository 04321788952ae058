"""What a sweep's curves say of schedules that were not run: beside its figures, never mixed into them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

import schedules
from schedules.theory import Curve, fit

from ..logs.columns import FEWEST, rates_of
from ..logs.log import Floats, Series
from .findings import Findings
from .leave_out import Checked, check, sentences
from .model import Collection, Trained

SAME = 0.05  # peaks that differ by less are one
TRIED: dict[str, dict[str, Any]] = {
    "cosine": {},
    "linear": {},
    "wsd": {},
    "wsd (decay_steps=40%)": {"decay_steps": "40%"},
    "wsd (decay_shape=one_minus_sqrt)": {"decay_shape": "one_minus_sqrt"},
    "rex": {},
}
"""Schedules that are predicted where the sweep did not run them."""


@dataclass(frozen=True)
class Predicted:
    """A schedule that was not run: its final loss by the law, and half of the band."""

    name: str
    loss: float
    half_width: float


@dataclass(frozen=True)
class Foreseen:
    """What the law fitted to a sweep's runs of one peak rate says.

    Attributes:
        peak: the peak rate.
        steps: the length that is predicted.
        arms: the schedules it is fitted to.
        predicted: schedules not run, lowest first; empty where the law refuses.
        checked: each arm as the others predict it, with the convex bound's ratio.
        said: what the check comes to, in sentences.
        refused: why the law is not to be believed.
    """

    peak: float
    steps: int
    arms: list[str]
    predicted: list[Predicted]
    checked: list[Checked]
    said: list[str]
    refused: list[str]


def foresee(collection: Collection, findings: Findings) -> Foreseen | None:
    """Return what the law says, or ``None`` where the curves do not allow one.

    It needs two schedules or more whose best peak rate is the same, with 12 evaluations after the warm-up.
    """
    curves = _of_one_peak([c for s in findings.standings if (c := _curve(collection, s.arm, s.rate))])
    try:
        law = fit(curves) if len(curves) > 1 else None
    except ValueError:
        law = None
    if law is None:
        return None
    peak, names = max(curve.peak for curve in curves), [curve.name for curve in curves]
    length, refused = max(len(curve.rates) for curve in curves), list(law.refuses())
    if refused:
        return Foreseen(peak, length, names, [], [], [], refused)
    predicted = [Predicted(n, said.loss, said.half_width) for n, r in _not_run(curves, peak)
                 if not law.refuses(r) for said in [law.predict(r)]]  # fmt: skip
    checked = check(curves)
    predicted.sort(key=lambda each: each.loss)
    return Foreseen(peak, length, names, predicted, checked, sentences(checked), [])


def _curve(collection: Collection, arm: str, rate: float | None) -> Curve | None:
    """Return the mean curve over the seeds of an arm at its rate; ``None`` where the runs have no rates."""
    runs = [r for r in collection.runs if (r.arm, r.rate) == (arm, rate) and r.diverged_at is None]
    runs = [r for r in runs if r.status == "FINISHED" and len(r.val_loss.steps) >= FEWEST]
    rates = next((found for r in runs if (found := _rates(r)) is not None), None)
    if rates is None or not rates.max(initial=0.0) > 0:
        return None
    first = runs[0].val_loss.steps
    alike = [r.val_loss.values for r in runs if np.array_equal(r.val_loss.steps, first)]
    kept = first <= len(rates)
    return Curve(rates, first[kept], np.mean(alike, axis=0)[kept], arm, _epochs(runs[0]))


def _rates(run: Trained) -> Floats | None:
    """Return the rate of every update, by the plan, or by what was logged."""
    if "lr" in run.plan:
        try:
            return schedules.values(schedules.from_spec(run.plan["lr"]), run.total_steps)
        except ValueError:
            return None  # it follows the loss, or was registered by a plugin
    if not len(run.lr.steps):
        return None
    return rates_of(Series(run.lr.steps, run.lr.values), run.total_steps)


def _epochs(run: Trained) -> float | None:
    try:
        return run.total_steps / int(run.params["steps_per_epoch"])
    except (KeyError, ValueError, ZeroDivisionError):
        return None


def _of_one_peak(curves: Sequence[Curve]) -> list[Curve]:
    """Return the curves of the peak rate that most of them share."""
    groups = [[other for other in curves if abs(other.peak / c.peak - 1) <= SAME] for c in curves]
    return max(groups, key=len, default=[])


def _not_run(curves: Sequence[Curve], peak: float) -> list[tuple[str, Floats]]:
    """Return the schedules of the sweep's length, peak and warm-up that none of its runs had."""
    length = max(len(curve.rates) for curve in curves)
    warmup = min(int(np.argmax(curve.rates >= curve.peak * (1 - 1e-9))) for curve in curves)
    found = []
    for label, settings in TRIED.items():
        schedule = schedules.build(
            label.split()[0], total_steps=length, peak_value=peak, warmup_steps=warmup, **settings
        )
        rates = schedules.values(schedule, length)
        runs = [c.rates for c in curves if len(c.rates) == length]
        if not any(np.abs(rates - each).max() < 0.02 * peak for each in runs):
            found.append((label, rates))
    return found
