"""The picture of a range test: the losses over the value, and what each rule reads off them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from schedules.show.plot import AXIS_NAMES, COLOURS

from .result import RangeTestResult
from .suggest import Ramp, finite, fitted_to

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def save(path: Path, outcome: RangeTestResult) -> None:
    """Draw the outcome into a PNG file: each seed's losses as dots, fitted as a line; a row for each rule."""
    from matplotlib.figure import Figure

    test = outcome.test
    rows = len(outcome.suggestions)
    drawn = Figure(figsize=(9.0, 3.6 + 0.24 * rows), dpi=150, layout="constrained", facecolor="white")
    above, below = drawn.subplots(2, sharex=True, height_ratios=[3.0, 0.24 * rows + 0.1])
    for (seed, ramp), colour in zip(outcome.ramps.items(), COLOURS * len(outcome.ramps), strict=False):
        _curve(above, ramp, colour, f"seed {seed}")
    _rules(below, outcome)
    if test.ramp == "exponential":
        above.set_xscale("log")
    above.set_xlim(*test.limits())
    above.set_ylim(*_heights(list(outcome.ramps.values())))
    above.set_ylabel("loss")
    below.set_xlabel(AXIS_NAMES.get(test.hyperparameter, test.hyperparameter.replace("_", " ")))
    if outcome.recommended is not None:
        for axis in (above, below):
            axis.axvline(outcome.recommended, color="#222222", linewidth=1.2, linestyle=(0, (4, 2)), zorder=1)
        above.set_title(f"recommended start: {outcome.recommended:g}", loc="left", fontsize=11)
    above.legend(frameon=False, fontsize=8, loc="lower left")
    for axis in (above, below):
        axis.spines[["top", "right"]].set_visible(False)
        axis.spines[["left", "bottom"]].set_color("#999999")
        axis.tick_params(color="#999999", labelsize=8)
    drawn.savefig(path, metadata={"Software": None})


def _curve(axis: Axes, ramp: Ramp, colour: str, label: str) -> None:
    axis.plot(*finite(ramp.values, ramp.losses), ".", color=colour, markersize=2.5, alpha=0.45)
    values, _, levels, _ = fitted_to(ramp, ramp.is_exponential)
    axis.plot(values, levels, color=colour, linewidth=1.2, label=label)


def _heights(ramps: list[Ramp]) -> tuple[float, float]:
    """Return an axis from the lowest fitted loss to a bit above the first ones: not to the blow-up."""
    fits = [fitted_to(ramp, ramp.is_exponential)[2] for ramp in ramps]
    fits = [levels for levels in fits if len(levels)]
    if not fits:
        return 0.0, 1.0
    low = min(float(levels.min()) for levels in fits)
    start = max(float(levels[0]) for levels in fits)
    room = max(start - low, 1e-12)
    return low - 0.15 * room, start + 0.33 * room


def _rules(axis: Axes, outcome: RangeTestResult) -> None:
    """Draw the median of each rule as a dot, on a line from its lowest to its highest seed."""
    names = [each.rule for each in outcome.suggestions]
    for row, each in enumerate(outcome.suggestions):
        if each.median is not None:
            axis.plot([each.found[0], each.found[-1]], [row, row], color=COLOURS[0], linewidth=2.0, alpha=0.5)
            axis.plot(each.median, row, "o", color=COLOURS[0], markersize=5)
    axis.set_yticks(range(len(names)), names)
    axis.set_ylim(len(names) - 0.5, -0.5)
    axis.grid(axis="x", color="#EEEEEE")
    axis.set_axisbelow(True)
