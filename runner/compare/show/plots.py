"""The pictures of a comparison: what was done, how it went, how much hangs on the rate, how sure it is.

One colour for an arm throughout, as in :mod:`schedules.plot`. Each function returns a figure of its own, or
``None`` where there is nothing to show.
"""

from __future__ import annotations

import io
import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from schedules.show.plot import COLOURS, styles

from ..model import Collection, Curve, Findings, Floats, Response, Standing, Trained
from . import cells

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, SOFT, GRID, PAPER = "#222222", "#767676", "#e4e4e4", "#ffffff"
WIDTH = 9.0  # inches
COLUMNS = 3  # of panels beside each other
SMOOTH = 25  # parts of a run over which the training loss is averaged: single steps are noise

Looks = dict[str, dict[str, Any]]


def looks(collection: Collection) -> Looks:
    """Return each arm's colour and dash, by the order in which the sweep has them."""
    return styles(list(dict.fromkeys(run.arm for run in collection.runs)))


def chosen(collection: Collection, standing: Standing) -> list[Trained]:
    """Return the runs behind a standing: those at the arm's chosen rate, of the final stage if it had one."""
    at_rate = [run for run in collection.runs if (run.arm, run.rate) == (standing.arm, standing.rate)]
    return [run for run in at_rate if run.stage == "final"] or at_rate


def draw(collection: Collection, findings: Findings) -> dict[str, Figure]:
    """Return every picture that there is something for, by its name."""
    makers: dict[str, Callable[[Collection, Findings], Figure | None]] = {
        "response": response,
        "differences": differences,
        "curves": curves,
        "schedules": rates,
        "tuning": tuning,
    }
    drawn = {name: make(collection, findings) for name, make in makers.items()}
    return {name: figure for name, figure in drawn.items() if figure is not None}


def save(figure: Figure, path: Path) -> None:
    """Write a figure as PNG."""
    figure.savefig(path, dpi=150, metadata={"Software": None})


def svg(figure: Figure) -> str:
    """Return a figure as an ``<svg>`` element whose colours are the page's, so that it can be dark.

    Ink, grid, paper and the arms' colours become the CSS variables ``--ink``, ``--soft``, ``--grid``,
    ``--paper`` and ``--arm-0``, ``--arm-1``, ...
    """
    import matplotlib

    text = io.StringIO()
    with matplotlib.rc_context({"svg.hashsalt": "compare"}):
        figure.savefig(text, format="svg", transparent=True, metadata={"Date": None})
    drawn = text.getvalue()
    drawn = drawn[drawn.index("<svg") :]
    names = {INK: "ink", SOFT: "soft", GRID: "grid", PAPER: "paper"}
    names |= {colour.lower(): f"arm-{i}" for i, colour in enumerate(COLOURS)}
    for colour, name in names.items():
        drawn = drawn.replace(colour, f"var(--{name})")
    return drawn


def rates(collection: Collection, findings: Findings) -> Figure | None:
    """Draw the rate that each arm's runs used, at the arm's chosen peak."""
    look = looks(collection)
    figure, axis = _one_panel(3.2)
    for standing in findings.standings:
        used = next((run.lr for run in chosen(collection, standing) if len(run.lr.steps)), None)
        if used is not None:
            axis.plot(
                used.steps,
                used.values,
                drawstyle="steps-post",
                label=_plain(standing.arm),
                **look[standing.arm],
            )
    if not axis.lines:
        return None
    axis.set(xlabel="step", ylabel="learning rate", ylim=(0, None))
    _frame(axis)
    _legend(figure, [axis])
    return figure


def curves(collection: Collection, findings: Findings) -> Figure | None:
    """Draw training and validation loss over steps: mean over seeds, and from lowest to highest seed."""
    look = looks(collection)
    figure = _canvas(3.9)
    panels = figure.subplots(1, 2)
    kinds: list[Callable[[Trained], Curve]] = [lambda run: _smooth(run), lambda run: run.val_loss]
    for axis, curve_of, title in zip(panels, kinds, ("training loss", "validation loss"), strict=True):
        for standing in findings.standings:
            runs = [run for run in chosen(collection, standing) if run.diverged_at is None]
            drawn = _over_seeds([curve_of(run) for run in runs])
            if drawn is not None:
                steps, low, mean, high = drawn
                axis.plot(steps, mean, label=_plain(standing.arm), **look[standing.arm])
                axis.fill_between(
                    steps, low, high, color=look[standing.arm]["color"], alpha=0.13, linewidth=0
                )
        axis.set_title(title, loc="left", fontsize=11, color=INK)
        axis.set_xlabel("step")
        _log_where_wide(axis, [line.get_ydata() for line in axis.lines])
        _frame(axis)
    if not any(axis.lines for axis in panels):
        return None
    _legend(figure, panels)
    return figure


def response(collection: Collection, findings: Findings) -> Figure | None:
    """Draw final loss against peak rate, a panel for each arm before the others in grey."""
    found = [each for s in findings.standings if (each := cells.response_of(findings, s.arm)) is not None]
    if not any(len(each.rates) > 1 for each in found):
        return None
    look = looks(collection)
    columns = min(COLUMNS, len(found))
    rows = math.ceil(len(found) / columns)
    figure = _canvas(2.35 * rows + 0.3)
    panels = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).ravel()
    for axis, each in zip(panels, found, strict=False):
        for other in found:
            axis.plot(other.rates, other.means, color=SOFT, linewidth=0.8, alpha=0.4)
        _answer(axis, each, look[each.arm])
        _frame(axis)
    for axis in panels[len(found) :]:
        axis.set_visible(False)
    for axis in panels[max(0, len(found) - columns) : len(found)]:
        axis.tick_params(labelbottom=True)
    panels[0].set_xscale("log")
    tried = sorted({rate for each in found for rate in each.rates})
    _label_rates(panels[0], tried)
    _log_where_wide(panels[0], [each.means for each in found])
    figure.supxlabel("peak learning rate", fontsize=10, color=INK)
    figure.supylabel("final validation loss", fontsize=10, color=INK)
    return figure


def _answer(axis: Axes, found: Response, look: dict[str, Any]) -> None:
    """Draw one arm's line, its spread over seeds, and a ring around its best rate."""
    means, colour = np.array(found.means), look["color"]
    spread = [means - np.array(found.lows), np.array(found.highs) - means]
    axis.errorbar(found.rates, means, np.maximum(spread, 0), marker="o", markersize=4, capsize=2, **look)
    best = means[found.rates.index(found.best_rate)]
    axis.plot(found.best_rate, best, "o", markersize=11, fillstyle="none", color=colour, markeredgewidth=1.8)
    edge = ", EDGE" if found.edge else ""
    axis.set_title(
        f"{_plain(found.arm)}: {cells.rate(found.best_rate)}{edge}", loc="left", fontsize=10, color=INK
    )
    if found.vertex is not None:
        axis.axvline(found.vertex, color=colour, linewidth=0.8, linestyle=(0, (1, 2)))
    for rate, mean, diverged, count in zip(
        found.rates, found.means, found.diverged, found.counts, strict=True
    ):
        if diverged:
            said, above = f"{diverged}/{count} diverged", (0.0, 8.0)
            axis.annotate(
                said, (rate, mean), above, textcoords="offset points", ha="center", color=INK, fontsize=7
            )


def differences(collection: Collection, findings: Findings) -> Figure | None:
    """Draw each arm's paired difference from the baseline with its interval, zero being no difference."""
    if not findings.differences:
        return None
    look = looks(collection)
    figure, axis = _one_panel(0.42 * len(findings.differences) + 1.1)
    axis.axvline(0, color=SOFT, linewidth=1)
    for place, found in enumerate(findings.differences):
        colour, delta = look[found.arm]["color"], found.delta
        if delta.low is not None and delta.high is not None:
            axis.plot([delta.low, delta.high], [place, place], color=colour, linewidth=2.5)
        axis.plot(delta.mean, place, "o", color=colour, markersize=7)
        said = f"{found.verdict}, p = {cells.probability(found.p_holm)}".replace("= <", "< ")
        axis.annotate(
            said, (1.01, place), xycoords=("axes fraction", "data"), va="center", fontsize=9, color=INK
        )
    axis.set_yticks(range(len(findings.differences)), [_plain(each.arm) for each in findings.differences])
    axis.set_ylim(len(findings.differences) - 0.5, -0.5)
    baseline = _plain(findings.question.baseline or "")
    axis.set_xlabel(f"final validation loss minus that of {baseline}; to the left is better")
    _frame(axis, grid="x")
    return figure


def tuning(collection: Collection, findings: Findings) -> Figure | None:
    """Draw the loss to expect from an arm after so many rates tried in random order."""
    if not any(len(losses) > 1 for losses in findings.tuning.values()):
        return None
    look = looks(collection)
    figure, axis = _one_panel(3.2)
    for arm in (standing.arm for standing in findings.standings if standing.arm in findings.tuning):
        losses = findings.tuning[arm]
        axis.plot(range(1, len(losses) + 1), losses, marker="o", markersize=4, label=_plain(arm), **look[arm])
    axis.set(xlabel="rates tried", ylabel="expected best validation loss")
    axis.set_xticks(range(1, 1 + max(map(len, findings.tuning.values()))))
    _log_where_wide(axis, list(findings.tuning.values()))
    _frame(axis)
    _legend(figure, [axis])
    return figure


def _plain(text: str) -> str:
    """Return a name so that matplotlib does not take it for mathematics."""
    return text.replace("$", r"\$")


def _smooth(run: Trained) -> Curve:
    """Return the training loss averaged over equal parts of the planned run."""
    if not len(run.loss.steps):
        return run.loss
    length = max(1.0, max(run.total_steps, run.loss.steps[-1] + 1) / SMOOTH)
    part = (run.loss.steps // length).astype(int)
    held = np.bincount(part)
    inside = held > 0
    centres = np.bincount(part, run.loss.steps)[inside] / held[inside]
    return Curve(centres, np.bincount(part, run.loss.values)[inside] / held[inside])


def _over_seeds(found: list[Curve]) -> tuple[Floats, Floats, Floats, Floats] | None:
    """Return steps, lowest, mean and highest of the curves where all of them have points."""
    found = [curve for curve in found if len(curve.steps)]
    if not found:
        return None
    steps = max(found, key=lambda curve: len(curve.steps)).steps
    steps = steps[steps <= min(curve.steps[-1] for curve in found)]
    table = np.array([np.interp(steps, curve.steps, curve.values) for curve in found])
    return steps, table.min(axis=0), table.mean(axis=0), table.max(axis=0)


def _canvas(height: float) -> Figure:
    from matplotlib.figure import Figure

    return Figure(figsize=(WIDTH, height), layout="constrained", facecolor=PAPER)


def _one_panel(height: float) -> tuple[Figure, Any]:
    figure = _canvas(height)
    return figure, figure.subplots()


def _frame(axis: Axes, grid: Literal["x", "y"] = "y") -> None:
    axis.spines[["top", "right"]].set_visible(False)
    axis.spines[["left", "bottom"]].set_color(SOFT)
    axis.tick_params(which="both", color=SOFT, labelcolor=INK, labelsize=9)
    axis.xaxis.label.set_color(INK)
    axis.yaxis.label.set_color(INK)
    axis.grid(axis=grid, color=GRID, linewidth=0.8)
    axis.set_axisbelow(True)


def _log_where_wide(axis: Axes, values: list[Any]) -> None:
    """Set a log axis where the values span more than a factor of five."""
    from matplotlib.ticker import LogLocator, NullFormatter

    told = np.concatenate([np.asarray(each, dtype=float) for each in values] or [np.ones(1)])
    if told.min() > 0 and told.max() / told.min() > 5:
        axis.set_yscale("log")
        axis.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axis.yaxis.set_major_formatter("{x:g}")
        axis.yaxis.set_minor_formatter(NullFormatter())


def _label_rates(axis: Axes, tried: list[float]) -> None:
    """Name the rates that were tried under a log axis; of many, some."""
    from matplotlib.ticker import NullFormatter, NullLocator

    shown = tried[:: math.ceil(len(tried) / 6)]
    axis.set_xticks(shown, [cells.rate(rate) for rate in shown])
    axis.xaxis.set_minor_locator(NullLocator())
    axis.xaxis.set_minor_formatter(NullFormatter())


def _legend(figure: Figure, axes: Any) -> None:
    handles = {line.get_label(): line for axis in axes for line in axis.get_lines()}
    if len(handles) > 1:
        columns = max(1, min(len(handles), 90 // (max(map(len, handles)) + 5)))
        figure.legend(
            handles.values(),
            handles.keys(),
            loc="outside upper left",
            ncols=columns,
            frameon=False,
            labelcolor=INK,
            fontsize=9,
        )
