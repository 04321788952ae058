"""What the pictures of a comparison share: colours, canvases, axes, legends, files."""

from __future__ import annotations

import io
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from schedules.show.plot import COLOURS, styles

from ..model import Collection
from . import cells

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, SOFT, GRID, PAPER = "#222222", "#767676", "#e4e4e4", "#ffffff"
WIDTH = 9.0  # inches

Looks = dict[str, dict[str, Any]]


def looks(collection: Collection) -> Looks:
    """Return each arm's colour and dash, by the order in which the sweep has them."""
    return styles(list(dict.fromkeys(run.arm for run in collection.runs)))


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


def plain(text: str) -> str:
    """Return a name so that matplotlib does not take it for mathematics."""
    return text.replace("$", r"\$")


def canvas(height: float) -> Figure:
    """Return an empty figure of this height [inches]."""
    from matplotlib.figure import Figure

    return Figure(figsize=(WIDTH, height), layout="constrained", facecolor=PAPER)


def one_panel(height: float) -> tuple[Figure, Any]:
    """Return a figure of this height [inches] with one axis."""
    figure = canvas(height)
    return figure, figure.subplots()


def frame(axis: Axes, grid: Literal["x", "y"] = "y") -> None:
    """Draw two spines and a light grid."""
    axis.spines[["top", "right"]].set_visible(False)
    axis.spines[["left", "bottom"]].set_color(SOFT)
    axis.tick_params(which="both", color=SOFT, labelcolor=INK, labelsize=9)
    axis.xaxis.label.set_color(INK)
    axis.yaxis.label.set_color(INK)
    axis.grid(axis=grid, color=GRID, linewidth=0.8)
    axis.set_axisbelow(True)


def log_where_wide(axis: Axes, values: list[Any]) -> None:
    """Set a log axis where the values span more than a factor of five."""
    from matplotlib.ticker import LogLocator, NullFormatter

    drawn = np.concatenate([np.asarray(each, dtype=float) for each in values] or [np.ones(1)])
    if drawn.min() > 0 and drawn.max() / drawn.min() > 5:
        axis.set_yscale("log")
        axis.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axis.yaxis.set_major_formatter("{x:g}")
        axis.yaxis.set_minor_formatter(NullFormatter())


def label_rates(axis: Axes, tried: list[float]) -> None:
    """Name the rates that were tried under a log axis; of many, some."""
    from matplotlib.ticker import NullFormatter, NullLocator

    shown = tried[:: math.ceil(len(tried) / 6)]
    axis.set_xticks(shown, [cells.rate(rate) for rate in shown])
    axis.xaxis.set_minor_locator(NullLocator())
    axis.xaxis.set_minor_formatter(NullFormatter())


def legend(figure: Figure, axes: Any) -> None:
    """Name the lines above the axes, each once; a single line needs no name."""
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
