"""Predictions of schedules that were not run, from runs that were."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

import schedules
from schedules.building import accepted
from schedules.show.argument import Argument, illustrated
from schedules.theory import Curve, Law, Optimum, Prediction, fit, fit_annealing, optimise
from schedules.units import Horizon

from ..compare.leave_out import Checked, check
from ..errors import ConfigError
from ..logs.log import Floats
from .histories import History

COOLDOWN = 0.25  # length of a cooldown from now, as a part of the updates made
BEST, SAME, WORSE = "best", "not told apart", "worse"


@dataclass(frozen=True, eq=False)
class Row:
    """One schedule that was not run.

    Attributes:
        name: what it is called.
        total_steps: its length.
        rates: of every update.
        prediction: its final loss with the band.
        gap: how much higher it ends than the best of its length.
        verdict: ``best``, ``not told apart`` (from the best), ``worse``, or empty.
        annealing: what the law with annealing says, beside.
        refused: why nothing should be believed of it.
    """

    name: str
    total_steps: int
    rates: Floats
    prediction: Prediction
    gap: Prediction
    verdict: str
    annealing: float
    refused: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Forecast:
    """What the runs say of those that were not made.

    Attributes:
        histories: the runs it is made from.
        law: fitted to them.
        rows: the schedules asked for, best first within a length.
        best: the best schedule by the law, for each length.
        onward: for each run that goes on: its plan's end, and a cooldown from now.
        checked: each run as the others predict it; empty of fewer than three.
        refused: why nothing should be believed at all.
    """

    histories: list[History]
    law: Law
    rows: list[Row]
    best: dict[int, Optimum]
    onward: dict[str, list[Row]]
    checked: list[Checked]
    refused: tuple[str, ...]


def forecast(histories: list[History], asked: Sequence[Argument], lengths: Sequence[int]) -> Forecast:
    """Fit the law to runs of one peak rate, and predict the schedules asked for at each length.

    Args:
        histories: runs of one peak rate.
        asked: schedules; their peak and warm-up are the runs' own where they don't say.
        lengths: updates of the runs to predict [steps].

    Raises:
        ConfigError: the losses are too few, or a schedule cannot be built at a length.
    """
    curves = [each.curve for each in histories]
    try:
        law, other = fit(curves), fit_annealing(curves)
    except ValueError as error:
        raise ConfigError(f"no law can be fitted: {error}") from None
    warmup, peak = warmup_of(curves), max(curve.peak for curve in curves)
    rows: list[Row] = []
    best = {}
    for length in lengths:
        named = {each.label: built(each, length, peak, warmup) for each in asked}
        rows += _judged(law, other, list(named.items()))
        if any(not row.refused for row in rows if row.total_steps == length) and warmup < length - 1:
            best[length] = optimise(law, length, peak, warmup)
    onward = {each.log.name: _onward(law, other, each) for each in histories if goes_on(each)}
    checked = check([each.curve for each in histories if not goes_on(each)])
    return Forecast(histories, law, rows, best, onward, checked, law.refuses())


def warmup_of(curves: Sequence[Curve]) -> int:
    """Return the shortest warm-up: updates before the peak is reached."""
    return min(int(np.argmax(curve.rates >= curve.peak * (1 - 1e-9))) for curve in curves)


def built(argument: Argument, total_steps: int, peak: float, warmup: int) -> Floats:
    """Return the rate of every update of a schedule, with the runs' peak and warm-up where it has none."""
    takes = accepted(argument.name)
    added = illustrated(argument) | {"peak_value": peak}
    if takes.get("warmup_steps", 1) in (None, 0) and argument.name != "piecewise":
        added["warmup_steps"] = min(warmup, total_steps - 1)
    added = {key: held for key, held in added.items() if key not in argument.settings and key in takes}
    try:
        return schedules.values(argument.build(Horizon(total_steps=total_steps), added), total_steps)
    except ValueError as error:
        raise ConfigError(f"{argument.text}: {error}") from None


def _judged(law: Law, other: Law, named: Sequence[tuple[str, Floats]]) -> list[Row]:
    """Return the schedules of one length, best first, each held against the best that is not refused."""
    rows = [
        Row(
            name, len(rates), rates, law.predict(rates), Prediction(0.0, 0.0), "",
            other(rates), law.refuses(rates)[len(law.refuses()) :],
        )
        for name, rates in named
    ]  # fmt: skip
    rows.sort(key=lambda row: row.prediction.loss)
    first = next((row for row in rows if not row.refused), None)
    return [row if first is None or row.refused else _against(law, row, first) for row in rows]


def _against(law: Law, row: Row, first: Row) -> Row:
    if row is first:
        return dataclasses.replace(row, verdict=BEST)
    gap = law.difference(row.rates, first.rates)
    return dataclasses.replace(row, gap=gap, verdict=WORSE if gap.loss > gap.half_width else SAME)


def goes_on(history: History) -> bool:
    """Say whether a run has not come to its planned end."""
    planned = max(history.log.total_steps, len(history.curve.rates))
    return history.log.running and planned > history.seen


def _onward(law: Law, other: Law, history: History) -> list[Row]:
    """Return what the rest of a run may bring: its plan or else the rate held, and a cooldown now."""
    made, planned = history.seen, max(history.log.total_steps, len(history.curve.rates))
    rates = history.curve.rates
    now = float(rates[made - 1])
    length = max(min(round(COOLDOWN * made), planned - made), 1)
    falling = now * (1 - np.arange(1, length + 1) / (length + 1))
    ways = {f"cool down now, over {length:,} steps": np.concatenate((rates[:made], falling))}
    if len(rates) >= planned:
        ways["go on as planned"] = rates[:planned]
    else:
        rest = planned - made
        last = now * np.minimum((np.arange(rest, 0, -1)) / max(round(0.2 * planned), 1), 1.0)
        ways["hold the rate, cool down over the last 20 %"] = np.concatenate((rates[:made], last))
    return _judged(law, other, list(ways.items()))


def as_data(found: Forecast) -> dict[str, Any]:
    """Return a forecast as plain data, for programs."""
    held = found.law.coefficients

    def row(each: Row) -> dict[str, Any]:
        return {
            "schedule": each.name,
            "total_steps": each.total_steps,
            "loss": each.prediction.loss,
            "low": each.prediction.low,
            "high": each.prediction.high,
            "above_best": each.gap.loss,
            "above_best_half_width": each.gap.half_width,
            "verdict": each.verdict,
            "loss_with_annealing_law": each.annealing,
            "refused": list(each.refused),
        }

    return {
        "from": [
            {
                "name": each.log.name,
                "kind": each.log.kind,
                "peak": each.peak,
                "steps": each.seen,
                "losses": len(each.curve.steps),
                "seeds": each.seeds,
            }
            for each in found.histories
        ],
        "law": {**dataclasses.asdict(held), "form": found.law.form.name, "misfit": found.law.misfit},
        "refused": list(found.refused),
        "checked": [dataclasses.asdict(each) for each in found.checked],
        "predictions": [row(each) for each in found.rows],
        "best": {
            str(steps): {"schedule": best.settings, "loss": best.loss, "lost_by_simple_form": best.lost}
            for steps, best in found.best.items()
        },
        "onward": {name: [row(each) for each in rows] for name, rows in found.onward.items()},
    }
