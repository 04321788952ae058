"""The pictures of a comparison: what was done, how it went, how much hangs on the rate, how sure it is.

One colour for an arm throughout, as in :mod:`schedules.plot`. Each function returns a figure of its own, or
``None`` where there is nothing to show.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from ...words import p_value
from ..findings import Findings, Response, Standing
from ..model import Collection, Curve, Floats, Trained
from . import cells
from .style import INK, SOFT, canvas, frame, label_rates, legend, log_where_wide, looks, one_panel, plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLUMNS = 3  # of panels beside each other
SMOOTH = 25  # parts of a run over which the training loss is averaged: single steps are noise


def chosen(collection: Collection, standing: Standing) -> list[Trained]:
    """Return the runs behind a standing: those at the arm's chosen rate, of the final stage if it had one."""
    at_rate = [run for run in collection.runs if (run.arm, run.rate) == (standing.arm, standing.rate)]
    at_rate = [run for run in at_rate if run.trial == standing.trial]
    return [run for run in at_rate if run.stage == "final"] or at_rate


def draw(collection: Collection, findings: Findings) -> dict[str, Figure]:
    """Return every picture that there is something for, by its name."""
    makers: dict[str, Callable[[Collection, Findings], Figure | None]] = {
        "decision": decision,
        "response": response,
        "differences": differences,
        "curves": curves,
        "schedules": rates,
        "tuning": tuning,
    }
    drawn = {name: make(collection, findings) for name, make in makers.items()}
    return {name: figure for name, figure in drawn.items() if figure is not None}


def decision(collection: Collection, findings: Findings) -> Figure | None:
    """Draw each arm's loss less that of the arm to take, with its interval: in grey what was ruled out."""
    if findings.decision is None or len(findings.standings) < 2:
        return None
    look, found = looks(collection), findings.decision
    figure, axis = one_panel(0.42 * len(findings.standings) + 1.0)
    axis.axvline(0, color=SOFT, linewidth=1)
    for place, standing in enumerate(findings.standings):
        behind = standing.behind
        is_member = standing.arm in found.members
        colour = look[standing.arm]["color"] if is_member else SOFT
        if behind.low is not None and behind.high is not None:
            axis.plot([behind.low, behind.high], [place, place], color=colour, linewidth=2.5)
        axis.plot(behind.mean, place, "o", color=colour, markersize=8 if is_member else 6)
        note = cells.membership(findings, standing.arm).replace("may be", "may be best")
        note = note.replace("no", "ruled out", 1) if not is_member else note
        note += f", {standing.lost} diverged" if standing.lost else ""
        where = ("axes fraction", "data")
        axis.annotate(note, (1.01, place), xycoords=where, va="center", fontsize=9, color=INK)
    names = [f"{plain(s.arm)}  {cells.number(s.final_loss.mean)}" for s in findings.standings]
    axis.set_yticks(range(len(names)), names)
    axis.set_ylim(len(names) - 0.5, -0.5)
    axis.set_xlabel(f"final validation loss minus that of {plain(found.arm)}")
    frame(axis, grid="x")
    return figure


def rates(collection: Collection, findings: Findings) -> Figure | None:
    """Draw the rate that each arm's runs used, at the arm's chosen peak."""
    look = looks(collection)
    figure, axis = one_panel(3.2)
    for standing in findings.standings:
        used = next((run.lr for run in chosen(collection, standing) if len(run.lr.steps)), None)
        if used is not None:
            axis.plot(
                used.steps,
                used.values,
                drawstyle="steps-post",
                label=plain(standing.arm),
                **look[standing.arm],
            )
    if not axis.lines:
        return None
    axis.set(xlabel="step", ylabel="learning rate", ylim=(0, None))
    frame(axis)
    legend(figure, [axis])
    return figure


def curves(collection: Collection, findings: Findings) -> Figure | None:
    """Draw training and validation loss over steps: mean over seeds, and from lowest to highest seed."""
    look = looks(collection)
    figure = canvas(3.9)
    panels = figure.subplots(1, 2)
    kinds: list[Callable[[Trained], Curve]] = [lambda run: _smooth(run), lambda run: run.val_loss]
    for axis, curve_of, title in zip(panels, kinds, ("training loss", "validation loss"), strict=True):
        for standing in findings.standings:
            runs = [run for run in chosen(collection, standing) if run.diverged_at is None]
            drawn = _over_seeds([curve_of(run) for run in runs])
            if drawn is not None:
                steps, low, mean, high = drawn
                axis.plot(steps, mean, label=plain(standing.arm), **look[standing.arm])
                axis.fill_between(
                    steps, low, high, color=look[standing.arm]["color"], alpha=0.13, linewidth=0
                )
        axis.set_title(title, loc="left", fontsize=11, color=INK)
        axis.set_xlabel("step")
        log_where_wide(axis, [line.get_ydata() for line in axis.lines])
        frame(axis)
    if not any(axis.lines for axis in panels):
        return None
    legend(figure, panels)
    return figure


def response(collection: Collection, findings: Findings) -> Figure | None:
    """Draw final loss against peak rate, a panel for each arm before the others in grey."""
    found = [each for s in findings.standings if (each := cells.response_of(findings, s.arm)) is not None]
    if not any(len(each.rates) > 1 for each in found):
        return None
    look = looks(collection)
    columns = min(COLUMNS, len(found))
    rows = math.ceil(len(found) / columns)
    figure = canvas(2.35 * rows + 0.3)
    panels = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).ravel()
    for axis, each in zip(panels, found, strict=False):
        for other in found:
            axis.plot(other.rates, other.means, color=SOFT, linewidth=0.8, alpha=0.4)
        _answer(axis, each, look[each.arm])
        frame(axis)
    for axis in panels[len(found) :]:
        axis.set_visible(False)
    for axis in panels[max(0, len(found) - columns) : len(found)]:
        axis.tick_params(labelbottom=True)
    panels[0].set_xscale("log")
    tried = sorted({rate for each in found for rate in each.rates})
    label_rates(panels[0], tried)
    log_where_wide(panels[0], [each.means for each in found])
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
        f"{plain(found.arm)}: {cells.rate(found.best_rate)}{edge}", loc="left", fontsize=10, color=INK
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
    figure, axis = one_panel(0.42 * len(findings.differences) + 1.1)
    axis.axvline(0, color=SOFT, linewidth=1)
    for place, found in enumerate(findings.differences):
        colour, delta = look[found.arm]["color"], found.delta
        if delta.low is not None and delta.high is not None:
            axis.plot([delta.low, delta.high], [place, place], color=colour, linewidth=2.5)
        axis.plot(delta.mean, place, "o", color=colour, markersize=7)
        note = f"{found.verdict}, {p_value(found.p)}"
        axis.annotate(
            note, (1.01, place), xycoords=("axes fraction", "data"), va="center", fontsize=9, color=INK
        )
    axis.set_yticks(range(len(findings.differences)), [plain(each.arm) for each in findings.differences])
    axis.set_ylim(len(findings.differences) - 0.5, -0.5)
    baseline = plain(findings.question.baseline or "")
    axis.set_xlabel(f"final validation loss minus that of {baseline}; to the left is better")
    frame(axis, grid="x")
    return figure


def tuning(collection: Collection, findings: Findings) -> Figure | None:
    """Draw the loss to expect from an arm after so many rates tried in random order."""
    if not any(len(losses) > 1 for losses in findings.tuning.values()):
        return None
    look = looks(collection)
    figure, axis = one_panel(3.2)
    for arm in (standing.arm for standing in findings.standings if standing.arm in findings.tuning):
        losses = findings.tuning[arm]
        axis.plot(range(1, len(losses) + 1), losses, marker="o", markersize=4, label=plain(arm), **look[arm])
    axis.set(xlabel="rates tried", ylabel="expected best validation loss")
    axis.set_xticks(range(1, 1 + max(map(len, findings.tuning.values()))))
    log_where_wide(axis, list(findings.tuning.values()))
    frame(axis)
    legend(figure, [axis])
    return figure


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
