"""The runs that were made, and how those would go that were not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from schedules.show.plot import styles

from ..compare.show.style import INK, SOFT, canvas, frame, plain, save
from .forecast import Forecast, Row

POINTS = 160  # of a predicted curve


def draw(found: Forecast, path: Path) -> None:
    """Draw the rates and the losses: made runs in grey, predictions in colour with the band at their end."""
    figure = canvas(6.4)
    top, below = figure.subplots(2, 1, sharex=True, height_ratios=(1, 2.2))
    rows = [row for row in found.rows if not row.refused]
    rows += [row for each in found.onward.values() for row in each if not row.refused]
    _runs(found, top, below)
    looks = styles(list(dict.fromkeys(row.name for row in rows)))
    for row in rows:
        _predicted(found, row, top, below, looks[row.name])
    top.set_ylabel("learning rate")
    below.set_ylabel("loss")
    below.set_xlabel("updates")
    below.set_ylim(*_limits(found, rows))
    below.xaxis.set_major_formatter("{x:,.0f}")
    top.set_ylim(bottom=0)
    for axis in (top, below):
        frame(axis)
        axis.set_xlim(left=0)
    named = {name: line for name, line in _named(below).items() if not name.startswith("_")}
    columns = max(1, min(len(named), 110 // (max(map(len, named)) + 6)))
    figure.legend(
        named.values(), named.keys(), loc="outside upper left", ncols=columns, frameon=False, fontsize=9
    )
    save(figure, path)


def _named(axis: Any) -> dict[str, Any]:
    """Return the lines of an axis by their names, each name once."""
    return {str(line.get_label()): line for line in axis.get_lines()}


def _runs(found: Forecast, top: Any, below: Any) -> None:
    for count, history in enumerate(found.histories):
        curve = history.curve.settled()
        name = "what was run" if count == 0 else "_nolegend_"
        top.plot(
            np.arange(history.seen),
            history.curve.rates[: history.seen],
            color=SOFT,
            linewidth=2.6,
            alpha=0.55,
        )
        below.plot(curve.steps, curve.losses, color=SOFT, linewidth=2.6, alpha=0.55, label=name)


def _predicted(found: Forecast, row: Row, top: Any, below: Any, look: dict[str, Any]) -> None:
    warmup = int(np.argmax(row.rates >= row.rates.max() * (1 - 1e-9)))
    first = max(min(3 * warmup, warmup + row.total_steps // 10), row.total_steps // 100, 1)
    steps = np.unique(np.linspace(first, row.total_steps, POINTS).astype(int))
    top.plot(np.arange(row.total_steps), row.rates, linewidth=1.4, **look)
    below.plot(steps, found.law.at(row.rates, steps), linewidth=1.4, label=plain(row.name), **look)
    below.errorbar(
        [row.total_steps], [row.prediction.loss], yerr=[row.prediction.half_width],
        fmt="o", color=look["color"], ecolor=look["color"], markersize=4, capsize=3, label="_nolegend_",
        markeredgecolor=INK, markeredgewidth=0.4, clip_on=False,
    )  # fmt: skip


def _limits(found: Forecast, rows: list[Row]) -> tuple[float, float]:
    """Return the limits of the losses: the first tenth of the runs is left out of them, it falls too far."""
    made = [history.curve.settled() for history in found.histories]
    tops = [np.interp(0.08 * curve.steps[-1], curve.steps, curve.losses) for curve in made]
    lows = [curve.losses.min() for curve in made] + [row.prediction.low for row in rows]
    low, high = float(min(lows)), float(max(tops))
    return low - 0.05 * (high - low), high + 0.05 * (high - low)
