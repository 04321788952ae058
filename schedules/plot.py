"""Pictures of schedules: one panel for each hyper-parameter, every schedule a line in it.

Drawn on a ``Figure`` of its own, so nothing here needs a display or touches ``pyplot``'s state.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .elementwise import FloatArray
from .schedule import evaluate, knots

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Curve = Callable[[Any], Any]
Plans = Mapping[str, Curve | Mapping[str, Curve]]
"""Schedules by label: one each (then it is the learning rate), or one for each hyper-parameter."""

AXIS_NAMES = {"lr": "learning rate"}
"""What a hyper-parameter is called on its axis, where its name is not a word."""

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#4D4D4D")
"""Okabe and Ito's colours, which stay apart for the colour-blind; without yellow, too pale on white."""

_DASHES = ("-", (0, (5, 2)), (0, (1.2, 1.6)))  # one more style each time the colours are used up
_POINTS = 2000  # more than a picture has columns
_DECADES = 4  # shown below the highest value on a log scale: a decay to 0 has no lowest one
_STAIRS = 100  # steps of a run short enough to see each held until the next
_FORMATS = {".png": {"Software": None}, ".svg": {"Date": None}, ".pdf": {"CreationDate": None}}


def sample_steps(schedule: Curve, total_steps: int, points: int = _POINTS) -> FloatArray:
    """Return steps of the run that show the whole curve: a grid, and each knot with the step before it.

    >>> from schedules import Step
    >>> sample_steps(Step(peak_value=1.0, step_size=30), 100, points=3).tolist()
    [0.0, 29.0, 30.0, 50.0, 59.0, 60.0, 89.0, 90.0, 99.0]
    """
    last = total_steps - 1
    grid = np.linspace(0, last, min(total_steps, points)).round()
    turns = np.array(knots(schedule, last), dtype=np.float64)
    return np.unique(np.concatenate([grid, turns, turns - 1]))


def scale_ends(curves: Sequence[FloatArray], log: bool = False) -> tuple[float, float, bool]:
    """Return the lowest and the highest value to show, and whether a log scale suits.

    Values that span much are shown from 0, or, if asked, on a log scale that ends 4 decades below the
    highest; others fill the scale.
    """
    low = min(float(values.min()) for values in curves)
    high = max(float(values.max()) for values in curves)
    wide = 0 <= low < high / 3.0
    if log and wide:
        positive = min(float(values[values > 0].min()) for values in curves if (values > 0).any())
        return max(positive, high * 10.0**-_DECADES), high, True
    return 0.0 if wide or low == high >= 0 else low, high, False


def figure(
    plans: Plans, total_steps: int, *, log: bool = False, title: str = "", width: float = 9.0
) -> Figure:
    """Return a picture of the plans over one run.

    Args:
        plans: label -> schedule, or label -> {hyper-parameter: schedule}.
        total_steps: the run's length [steps, >= 1]. What is drawn is what the optimizer gets, the values
            of steps 0 to ``total_steps - 1``; in a run of up to 100 steps as the stairs that they are.
        log: whether panels that span much are on a log scale; it ends 4 decades below the highest value.
        title: a line above the picture.
        width: width of the picture [inches]; saved at 200 dots an inch.

    Raises:
        ValueError: there is nothing to draw, or ``total_steps`` is not a whole number >= 1.
    """
    from matplotlib.figure import Figure

    if isinstance(total_steps, bool) or not isinstance(total_steps, int) or total_steps < 1:
        raise ValueError(f"total_steps must be a whole number >= 1, got {total_steps!r}")
    panels = _by_hyper_parameter(plans)
    if not panels:
        raise ValueError("plans must hold at least one schedule, got none")
    styles = _styles(list(plans))
    heights = [3.0] + [1.8] * (len(panels) - 1)
    drawn = Figure(figsize=(width, sum(heights) + 1.0), dpi=200, layout="constrained", facecolor="white")
    axes = drawn.subplots(len(panels), sharex=True, squeeze=False, height_ratios=heights)[:, 0]
    for axis, (name, curves) in zip(axes, panels.items(), strict=True):
        for label, schedule in curves.items():
            steps = sample_steps(schedule, total_steps)
            line = evaluate(schedule, steps)
            axis.plot(
                np.append(steps, total_steps),
                np.append(line, line[-1]),
                label=label,
                drawstyle="steps-post" if total_steps <= _STAIRS else "default",
                linewidth=2.0,
                **styles[label],
            )
        _dress(axis, AXIS_NAMES.get(name, name.replace("_", " ")), total_steps, log)
    axes[-1].set_xlabel("step")
    _legend(drawn, axes, list(plans), title)
    return drawn


def save(
    path: str | Path,
    plans: Plans,
    total_steps: int,
    *,
    log: bool = False,
    title: str = "",
    width: float = 9.0,
) -> Path:
    """Draw the plans into a file, PNG, SVG or PDF by its suffix; see :func:`figure`.

    The same plans give the same bytes: no date and no version is written.

    Raises:
        ValueError: the suffix is another one, or there is nothing to draw.
    """
    import matplotlib

    path = Path(path)
    metadata = _FORMATS.get(path.suffix.lower())
    if metadata is None:
        raise ValueError(f"the picture's file must end in {', '.join(_FORMATS)}, got {str(path)!r}")
    drawn = figure(plans, total_steps, log=log, title=title, width=width)
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


def _styles(labels: list[str]) -> dict[str, dict[str, Any]]:
    """Return colour and dash of each label, the same in every panel."""
    count = len(COLOURS)
    return {
        label: {"color": COLOURS[i % count], "linestyle": _DASHES[i // count % len(_DASHES)]}
        for i, label in enumerate(labels)
    }


def _dress(axis: Axes, name: str, total_steps: int, log: bool) -> None:
    """Set scales, names and grid of one panel."""
    axis.set_ylabel(name)
    axis.set_xlim(0, total_steps)
    axis.xaxis.set_major_formatter("{x:,.0f}")
    axis.spines[["top", "right"]].set_visible(False)
    axis.spines[["left", "bottom"]].set_color("#999999")
    axis.tick_params(color="#999999")
    axis.grid(axis="y", color="#E6E6E6", linewidth=0.8)
    axis.set_axisbelow(True)
    low, high, logarithmic = scale_ends([np.asarray(line.get_ydata()) for line in axis.get_lines()], log)
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
