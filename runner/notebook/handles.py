"""A run and a sweep as objects of a notebook: tables, pictures, the answer."""

from __future__ import annotations

import functools
import html
from typing import TYPE_CHECKING, Any

from ..compare import reader
from ..compare.analysis import analyse
from ..compare.archive import Archive
from ..compare.archive import Run as Stored
from ..compare.findings import Findings
from ..compare.model import Collection, Question
from ..compare.report import collect
from ..compare.show import plots
from ..record.directory import RunDirectory
from ..record.journal import read
from ..record.result import result_of
from . import frames

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure


class Run:
    """One run, from its folder on this machine.

    Args:
        directory: its files.
    """

    def __init__(self, directory: RunDirectory) -> None:
        self.directory = directory

    @property
    def name(self) -> str:
        """What MLflow calls it."""
        return self.directory.order.name

    @property
    def id(self) -> str | None:
        """Its id in MLflow; ``None`` while MLflow has not got it."""
        return self.directory.sent.run_id if self.directory.sent is not None else None

    @property
    def state(self) -> str:
        """``finished``, ``diverged``, ``failed`` or ``killed``; ``running`` while it has not ended."""
        ended = result_of(self.directory)
        return ended.state if ended is not None else "running"

    @property
    def params(self) -> dict[str, Any]:
        """Its settings, flat, with what they were changed to where it was resumed."""
        return {**self.directory.order.params, **self.directory.order.changed}

    @property
    def figures(self) -> dict[str, float]:
        """Its final figures, as MLflow has them; empty where it did not finish."""
        ended = result_of(self.directory)
        return ended.final if ended is not None else {}

    def curves(self) -> pd.DataFrame:
        """Return every step: ``step``, ``time`` [ms], the rate, the loss and what else was recorded."""
        return self._table("steps")

    def frame(self) -> pd.DataFrame:
        """Return every evaluation."""
        return self._table("evaluations")

    def _table(self, which: str) -> pd.DataFrame:
        import pandas as pd

        path = getattr(self.directory, which)
        return pd.DataFrame(read(path)) if path.exists() else pd.DataFrame({"step": [], "time": []})

    def plot(self) -> Figure:
        """Return a picture of the losses and, below, of the rate."""
        from matplotlib.figure import Figure

        steps, judged = self.curves(), self.frame()
        figure = Figure(figsize=(7, 4.5), layout="constrained")
        above, below = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
        above.plot(steps["step"], steps.get("loss"), alpha=0.5, label="training")
        if "val/loss" in judged:
            above.plot(judged["step"], judged["val/loss"], marker="o", label="validation")
        above.set(title=self.name, ylabel="loss")
        above.legend()
        if "lr" in steps:
            below.plot(steps["step"], steps["lr"])
        below.set(xlabel="step", ylabel="lr")
        return figure

    def __repr__(self) -> str:
        return f"<Run {self.name}: {self.state}, {self.directory.path}>"

    def _repr_html_(self) -> str:
        import pandas as pd

        table = pd.Series(self.figures, name="value", dtype=float).to_frame().to_html()
        return f"<p><b>{html.escape(self.name)}</b>: {self.state}</p>{table}"


class Sweep:
    """A sweep in MLflow: its runs, and what they say together.

    Args:
        archive: the store.
        stored: the sweep's run.
    """

    def __init__(self, archive: Archive, stored: Stored) -> None:
        self._archive, self._stored = archive, stored

    @property
    def id(self) -> str:
        """Its id in MLflow."""
        return str(self._stored.info.run_id)

    @property
    def name(self) -> str:
        """What MLflow calls it."""
        return str(self._stored.info.run_name)

    @functools.cached_property
    def collection(self) -> Collection:
        """Its runs as plain data."""
        return collect(self._archive, self._stored)

    @functools.cached_property
    def findings(self) -> Findings:
        """What ``python -m runner compare`` finds.

        Raises:
            ConfigError: no run of it can be judged.
        """
        return analyse(self.collection, Question())

    @property
    def answer(self) -> str:
        """Which schedule to take, how sure that is and what it cost, in sentences."""
        return " ".join(self.findings.answer)

    def frame(self) -> pd.DataFrame:
        """Return a row for each run: what competes, rate, seed, how it ended, its figures."""
        return frames.runs(self.collection)

    def evaluations(self) -> pd.DataFrame:
        """Return a row for each evaluation of each run."""
        return frames.evaluations(self.collection)

    def curves(self) -> pd.DataFrame:
        """Return a row for each step of each run that has ended."""
        return frames.steps(self._archive, self.collection)

    def plot(self) -> Figure | None:
        """Return the report's picture of rates and losses over the steps; ``None`` without any."""
        behind = [
            run.run_id for each in self.findings.standings for run in plots.chosen(self.collection, each)
        ]
        drawn = reader.with_curves(self._archive, self.collection, behind)
        return plots.curves(drawn, self.findings)

    def __repr__(self) -> str:
        return f"<Sweep {self.name}: {len(self.collection.runs)} runs, {self.id}>"

    def _repr_html_(self) -> str:
        said = "".join(f"<p>{html.escape(each)}</p>" for each in self.findings.answer)
        shown = self.frame().drop(columns=["run_id", "stage", "trial", "diverged_at"])
        return f"<p><b>{html.escape(self.name)}</b></p>{said}{shown.to_html(index=False, max_rows=20)}"
