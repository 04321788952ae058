"""The table of a sweep's jobs, printed when it has ended."""

from __future__ import annotations

import math

from rich import box
from rich.table import Table
from rich.text import Text

from ..console import out
from ..record.result import KILLED
from ..run.report import look
from .sweep import Sweep

SHOWN_JOBS = 10  # of a sweep: MLflow has all


def show_sweep(sweep: Sweep, *, is_ranked: bool = True) -> None:
    """Print the jobs of a sweep, best first, and those that failed.

    Args:
        sweep: it has ended.
        is_ranked: ``False`` where a comparison follows, which a ranking of single runs would forestall.
    """
    if is_ranked:
        _show_ranking(sweep)
    for diverged in sweep.diverged:
        out.print(f"diverged  {diverged.name}: {diverged.reason}")
    for failure in sweep.failed:
        out.print(f"{'stopped' if failure.state == KILLED else 'failed'}  {failure.name}: {failure.reason}")
    if sweep.uri is not None:
        out.print(f"look   {look(sweep.uri, sweep.directory.sent)}")


def _show_ranking(sweep: Sweep) -> None:
    """Print the jobs that ended, best first."""
    table = Table(box=box.SIMPLE_HEAD, title=Text(f"sweep {sweep.title}"), title_justify="left")
    judged = any(job.val_accuracy is not None for job in sweep.finished)
    for column in ("", "job", "val loss", *(["val accuracy"] if judged else []), "seconds", "run"):
        table.add_column(column, justify="right" if column.startswith(("val", "sec")) else "left")
    for place, job in enumerate(sweep.ranked()[:SHOWN_JOBS], start=1):
        accuracy = ["" if job.val_accuracy is None else f"{job.val_accuracy:.2%}"] if judged else []
        loss = "" if math.isnan(job.val_loss) else f"{job.val_loss:.4f}"  # a range test has none
        figures = (loss, *accuracy, f"{job.seconds:.1f}")
        table.add_row(str(place), Text(job.name), *figures, (job.run_id or "")[:8])
    out.print(table)
    if (more := len(sweep.finished) - SHOWN_JOBS) > 0:
        out.print(f"and {more} more")
    if len(sweep.judged()) > 1:
        out.print("ranked by final validation loss: one run each, so small gaps may be chance")
