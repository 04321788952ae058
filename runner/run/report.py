"""What is printed of a run when it ends, and what to try next."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from rich.text import Text

from ..console import err, out, python, short
from ..record.directory import RunDirectory, Sent
from ..record.journal import count
from ..record.result import JobResult
from ..settings.address import absolute
from ..settings.overrides import command, without
from ..tracking import view
from ..words import duration

if TYPE_CHECKING:
    from ..training.evaluation import Evaluation
    from .result import Result


def look(uri: str, sent: Sent | None = None) -> str:
    """Say how to open the store at ``uri`` in a browser, at the charts of a run, or of a sweep's jobs.

    ``MLFLOW_UI`` is the server's address for people, where it differs from the one for programs.
    """
    if uri.startswith(("http://", "https://")):
        return _page((os.environ.get("MLFLOW_UI") or uri).rstrip("/"), sent)
    command = shlex.join([python(), "-m", "mlflow", "ui", "--backend-store-uri", absolute(uri)])
    return f"{command}   then {_page('http://127.0.0.1:5000', sent)}"


def _page(page: str, sent: Sent | None) -> str:
    if sent is None or sent.experiment_id is None:
        return page
    if sent.view is not None:
        return view.address(page, sent.experiment_id, sent.view)
    return view.run_address(page, sent.experiment_id, sent.run_id)


def described(evaluation: Evaluation) -> str:
    """Return an evaluation in words: the accuracy first, where there is one."""
    others = dict(evaluation.metrics)
    accuracy = f"accuracy {others.pop('accuracy'):.2%}, " if "accuracy" in others else ""
    rest = "".join(f", {name} {value:.5g}" for name, value in others.items())
    return f"validation {accuracy}loss {evaluation.loss:.4f}{rest}"


def show_run(ended: JobResult, what: str, result: Result, uri: str) -> None:
    """Print what came out of one run, where it is kept, and how to look at it."""
    assert ended.directory is not None, "a run that has ended has a directory"
    final, best = result.final, result.best
    rule = "highest accuracy" if "accuracy" in best.metrics else "lowest loss"
    lines = [
        ("final", described(final)),
        ("best", f"{described(best)}, after {best.step} steps: the {rule}"),
        ("time", f"{duration(result.seconds)}, {1e3 * result.seconds / final.step:.2f} ms a step"),
        *run_line(ended),
        ("store", uri),
        ("files", short(ended.directory.path)),
        ("look", look(uri, ended.directory.sent)),
    ]
    out.print(Text(ended.name, style="bold").append(f"  {what}, {final.step} steps", style="not bold"))
    for label, text in lines:
        out.print(f"{label:6} {text}")


def run_line(ended: JobResult) -> list[tuple[str, str]]:
    """Return the line with the run's id in MLflow; none while MLflow has not got the run."""
    return [] if ended.run_id is None else [("run", ended.run_id)]


def show_stopped(directory: RunDirectory, total_steps: int) -> None:
    """Print how far a run came that a signal stopped, where it is, and how to go on with it."""
    again = command([f"resume={short(directory.path)}"], python=python())
    err.print(f"stopped after {count(directory.steps):,} of {total_steps:,} steps", soft_wrap=True)
    err.print(f"files  {short(directory.path)}", soft_wrap=True)
    is_found = directory.path.is_relative_to(Path("outputs").absolute())
    err.print(f"next   {again}   goes on{', and so does resume=latest' * is_found}", soft_wrap=True)


def show_next(arguments: list[str]) -> None:
    """Print what to try after a run of these overrides: the same model and data, with other schedules."""
    kept = without(arguments, "schedule", "seed", "hydra.run", "sweep")
    change = [*kept, "schedule=wsd", "seed=1"]
    if not kept:
        change = ["schedule=wsd", "optimizer.lr=0.1", "trainer.epochs=50"]
    several = command([*kept, "schedule=constant,step,cosine,onecycle"], python=python(), multirun=True)
    out.print(f"next   {several}   compare schedules")
    out.print(f"       {command(change, python=python())}   change anything")
