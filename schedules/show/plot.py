"""Pictures of schedules, several in one panel to compare them or each in its own to know them.

Drawn on a ``Figure`` of its own, so nothing here needs a display or touches ``pyplot``'s state.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..units import whole
from .sample import Curve, sample, scale_ends

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Plans = Mapping[str, Curve | Mapping[str, Curve]]
"""Schedules by label: one each (then it is the learning rate), or one for each hyper-parameter."""

AXIS_NAMES = {"lr": "learning rate"}
"""What a hyper-parameter is called on its axis, where its name is not a word."""

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#4D4D4D")
"""Okabe and Ito's colours, which stay apart for the colour-blind; without yellow, too pale on white."""

_DASHES = ("-", (0, (5, 2)), (0, (1.2, 1.6)))  # one more style each time the colours are used up
_STAIRS = 100  # steps of a run short enough to see each held until the next
_COLUMNS = 4  # panels of a grid beside each other
_FORMATS = {".png": {"Software": None}, ".svg": {"Date": None}, ".pdf": {"CreationDate": None}}


def figure(
    plans: Plans,
    total_steps: int,
    *,
    log: bool = False,
    grid: bool = False,
    title: str = "",
    width: float = 9.0,
) -> Figure:
    """Return a picture of the plans over one run.

    Args:
        plans: label -> schedule, or label -> {hyper-parameter: schedule}.
        total_steps: the run's length [steps, >= 1]. What is drawn is what the optimizer gets, the values
            of steps 0 to ``total_steps - 1``; in a run of up to 100 steps as the stairs that they are.
        log: whether panels that span much are on a log scale; it ends 4 decades below the highest value.
        grid: whether each label has a small panel of its own, instead of all lines in one panel for each
            hyper-parameter.
        title: a line above the picture.
        width: width of the picture [inches]; saved at 200 dots an inch.

    Raises:
        ValueError: there is nothing to draw, ``total_steps`` is not a whole number >= 1, or a grid is
            asked for more than one hyper-parameter.
    """
    total_steps = whole(total_steps, "total_steps", low=1)
    panels = _by_hyper_parameter(plans)
    if not panels:
        raise ValueError("plans must hold at least one schedule, got none")
    if not grid:
        return _compared(panels, total_steps, log, title, width)
    if len(panels) > 1:
        raise ValueError(f"a grid must be of one hyper-parameter, got {', '.join(panels)}")
    ((name, curves),) = panels.items()
    return _side_by_side(name, curves, total_steps, log, title, width)


def save(
    path: str | Path,
    plans: Plans,
    total_steps: int,
    *,
    log: bool = False,
    grid: bool = False,
    title: str = "",
    width: float = 9.0,
) -> Path:
    """Draw the plans into a file, PNG, SVG or PDF by its suffix; see :func:`figure`.

    The same plans give the same bytes: no date and no version is written.

    Raises:
        ValueError: the suffix is another one, or there is nothing to draw.
    """
    path = Path(path)
    metadata = _FORMATS.get(path.suffix.lower())
    if metadata is None:
        raise ValueError(f"the picture's file must end in {', '.join(_FORMATS)}, got {str(path)!r}")
    import matplotlib

    drawn = figure(plans, total_steps, log=log, grid=grid, title=title, width=width)
    path.parent.mkdir(parents=True, exist_ok=True)
    with matplotlib.rc_context({"svg.hashsalt": "schedules"}):
        drawn.savefig(path, metadata=metadata)
    return path


def _by_hyper_parameter(plans: Plans) -> dict[str, dict[str, Curve]]:
    """Turn ``label -> hyper-parameter -> schedule`` inside out."""
    panels: dict[str, dict[str, Curve]] = {}
    for label, plan in plans.items():
        for name, schedule in plan.items() if isinstance(plan, Mapping) else [("lr", plan)]:
            panels.setdefault(name, {})[label] = schedule
    return panels


def _compared(
    panels: Mapping[str, Mapping[str, Curve]], total_steps: int, log: bool, title: str, width: float
) -> Figure:
    """Draw a panel for each hyper-parameter, one below the other, a line for each label."""
    labels = list(dict.fromkeys(label for curves in panels.values() for label in curves))
    looks = styles(labels)
    heights = [3.0] + [1.8] * (len(panels) - 1)
    drawn = _canvas(width, sum(heights) + 1.0)
    axes = drawn.subplots(len(panels), sharex=True, squeeze=False, height_ratios=heights)[:, 0]
    for axis, (name, curves) in zip(axes, panels.items(), strict=True):
        for label, schedule in curves.items():
            _line(axis, schedule, total_steps, label=label, linewidth=2.0, **looks[label])
        axis.set_ylabel(_axis_name(name))
        axis.grid(axis="y", color="#E6E6E6", linewidth=0.8)
        _frame(axis, total_steps)
        _scale(axis, [np.asarray(line.get_ydata()) for line in axis.get_lines()], log)
    axes[-1].set_xlabel("step")
    _legend(drawn, axes, labels, title)
    return drawn


def _side_by_side(
    name: str, curves: Mapping[str, Curve], total_steps: int, log: bool, title: str, width: float
) -> Figure:
    """Draw a small panel for each label, all on one scale."""
    columns = min(_COLUMNS, len(curves))
    rows = math.ceil(len(curves) / columns)
    drawn = _canvas(width, 1.35 * rows + (0.9 if title else 0.5))
    axes = drawn.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).ravel()
    lines = []
    for axis, (label, schedule) in zip(axes, curves.items(), strict=False):
        line = _line(axis, schedule, total_steps, color=COLOURS[0], linewidth=1.8)
        lines_of_label = textwrap.wrap(label, 100 // columns, break_long_words=False)
        axis.set_title("\n".join(lines_of_label), loc="left", fontsize=10 if len(lines_of_label) == 1 else 8)
        axis.tick_params(labelsize=8)
        axis.locator_params(axis="x", nbins=3)
        _frame(axis, total_steps)
        lines.append(line)
    _scale(axes[0], [np.asarray(line.get_ydata()) for line in lines], log)
    step = "post" if total_steps <= _STAIRS else None
    for axis, line in zip(axes, lines, strict=False):
        floor = axis.get_ylim()[0]
        axis.fill_between(*line.get_data(), floor, step=step, color=COLOURS[0], alpha=0.12, linewidth=0)
        axis.set_ylim(bottom=floor)
    for axis in axes[len(curves) :]:
        axis.set_visible(False)
    for axis in axes[max(0, len(curves) - columns) : len(curves)]:  # the lowest one of each column
        axis.tick_params(labelbottom=True)
    drawn.supxlabel("step", fontsize=9)
    drawn.supylabel(_axis_name(name), fontsize=9)
    if title:
        drawn.suptitle(title, x=0.01, ha="left", fontsize=12)
    return drawn


def _canvas(width: float, height: float) -> Figure:
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), dpi=200, layout="constrained", facecolor="white")


def _axis_name(name: str) -> str:
    return AXIS_NAMES.get(name, name.replace("_", " "))


def _line(axis: Axes, schedule: Curve, total_steps: int, **style: Any) -> Any:
    """Draw one schedule; its last value lasts until the end of the last step."""
    steps, values = sample(schedule, total_steps)
    (line,) = axis.plot(
        np.append(steps, total_steps),
        np.append(values, values[-1]),
        drawstyle="steps-post" if total_steps <= _STAIRS else "default",
        **style,
    )
    return line


def styles(labels: list[str]) -> dict[str, dict[str, Any]]:
    """Return matplotlib's colour and dash of each label, the same in every panel."""
    count = len(COLOURS)
    return {
        label: {"color": COLOURS[i % count], "linestyle": _DASHES[i // count % len(_DASHES)]}
        for i, label in enumerate(labels)
    }


def _frame(axis: Axes, total_steps: int) -> None:
    axis.set_xlim(0, total_steps)
    axis.xaxis.set_major_formatter("{x:,.0f}")
    axis.spines[["top", "right"]].set_visible(False)
    axis.spines[["left", "bottom"]].set_color("#999999")
    axis.tick_params(color="#999999")
    axis.set_axisbelow(True)


def _scale(axis: Axes, curves: list[Any], log: bool) -> None:
    low, high, logarithmic = scale_ends(curves, log)
    if logarithmic:
        axis.set_yscale("log", nonpositive="mask")
        axis.set_ylim(low / 1.3, high * 1.3)
    elif low == 0:
        axis.set_ylim(0, high * 1.05 if high > 0 else 1)


def _legend(drawn: Figure, axes: Any, labels: list[str], title: str) -> None:
    """Put one legend above all panels, under the title; a single schedule is named there too."""
    handles = {line.get_label(): line for axis in axes for line in axis.get_lines()}
    columns = min(len(labels), max(1, math.floor(100 / (max(map(len, labels)) + 5))))
    by_rows = [label for first in range(columns) for label in labels[first::columns]]  # it fills columns
    drawn.legend(
        [handles[label] for label in by_rows],
        by_rows,
        loc="outside upper left",
        ncols=columns,
        frameon=False,
        handlelength=1.8,
        title=title or None,
        title_fontsize=12,
        alignment="left",
    )
