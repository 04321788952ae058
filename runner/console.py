"""What a person sees: a bar while it runs, a summary when it ends."""

from __future__ import annotations

import math
import os
import shlex
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from rich import box
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from .words import duration

if TYPE_CHECKING:
    from .record.directory import RunDirectory, Sent
    from .run.result import Result
    from .sweep.sweep import Sweep
    from .training.train import Evaluation

out = Console(highlight=False, soft_wrap=True, markup=False)  # names may hold any character
err = Console(stderr=True, highlight=False, markup=False)

SHOWN_JOBS = 10  # of a sweep: MLflow has all


@contextmanager
def progress(
    name: str, total_steps: int, first_step: int = 0
) -> Iterator[Callable[[int, float, dict[str, float]], None]]:
    """Show a bar on a terminal, and nothing in a file or a pipe; yields the function that moves it."""
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[figures]}", markup=False),
    )
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as bar:
        task = bar.add_task(name, total=total_steps, completed=first_step, figures="")

        def move(finished: int, loss: float, values: dict[str, float]) -> None:
            bar.update(task, completed=finished, figures=f"loss {loss:.4f}  lr {values.get('lr', 0.0):.3g}")

        yield move


def python() -> str:
    """Return how to call this interpreter from here: ``python`` where that is the one."""
    if shutil.which("python") == sys.executable:
        return "python"
    here = os.path.relpath(sys.executable)
    return here if len(here) < len(sys.executable) else sys.executable


def look(uri: str, sent: Sent | None = None) -> str:
    """Say how to open the store at ``uri`` in a browser; of a server, at a run that it has.

    ``MLFLOW_UI`` is the server's address for people, where it differs from the one for programs.
    """
    if uri.startswith(("http://", "https://")):
        page = (os.environ.get("MLFLOW_UI") or uri).rstrip("/")
        if sent is None or sent.experiment_id is None:
            return page
        return f"{page}/#/experiments/{sent.experiment_id}/runs/{sent.run_id}"
    command = shlex.join([python(), "-m", "mlflow", "ui", "--backend-store-uri", uri])
    return f"{command}   then http://127.0.0.1:5000"


def short(path: Path) -> str:
    """Return a path as one types it: relative where it is below the working directory."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def described(evaluation: Evaluation) -> str:
    """Return an evaluation in words: the accuracy first, where there is one."""
    others = dict(evaluation.metrics)
    accuracy = f"accuracy {others.pop('accuracy'):.2%}, " if "accuracy" in others else ""
    rest = "".join(f", {name} {value:.5g}" for name, value in others.items())
    return f"validation {accuracy}loss {evaluation.loss:.4f}{rest}"


def show_run(name: str, what: str, result: Result, run_id: str, uri: str, directory: RunDirectory) -> None:
    """Print what came out of one run, where it is kept, and how to look at it."""
    final, best = result.final, result.best
    lines = [
        ("final", described(final)),
        ("best", f"{described(best)}, after {best.step} steps"),
        ("time", f"{duration(result.seconds)}, {1e3 * result.seconds / final.step:.2f} ms a step"),
        ("run", run_id),
        ("store", uri),
        ("files", short(directory.path)),
        ("look", look(uri, directory.sent)),
    ]
    out.print(Text(name, style="bold").append(f"  {what}, {final.step} steps", style="not bold"))
    for label, text in lines:
        out.print(f"{label:6} {text}")


def warn(findings: list[str]) -> None:
    """Print what looks unintended, before the run starts."""
    for finding in findings:
        err.print(f"warning: {finding}", soft_wrap=True)


def show_next(recipe: str | None = None) -> None:
    """Print what to try after a run; of a recipe, with that recipe."""
    chosen = "" if recipe is None else f"experiment={recipe} "
    change = "schedule=wsd optimizer.lr=0.1 trainer.epochs=50" if recipe is None else "schedule=wsd seed=1"
    runner = f"{python()} -m runner"
    out.print(f"next   {runner} -m {chosen}schedule=constant,step,cosine,onecycle   compare schedules")
    out.print(f"       {runner} {chosen}{change}   change anything")


def show_sweep(sweep: Sweep, *, is_ranked: bool = True) -> None:
    """Print the jobs of a sweep, best first, then those that failed.

    Args:
        sweep: it has ended.
        is_ranked: ``False`` where a comparison follows, which a ranking of single runs would forestall.
    """
    if is_ranked:
        _show_ranking(sweep)
    for diverged in sweep.diverged:
        out.print(f"diverged  {diverged.name}: {diverged.reason}")
    for failure in sweep.failed:
        out.print(f"{'stopped' if failure.was_stopped else 'failed'}  {failure.name}: {failure.reason}")
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
        table.add_row(str(place), Text(job.name), *figures, job.run_id[:8])
    out.print(table)
    if (more := len(sweep.finished) - SHOWN_JOBS) > 0:
        out.print(f"and {more} more")
    if len(sweep.judged()) > 1:
        out.print("ranked by final validation loss: one run each, so small gaps may be chance")
