"""The two streams that people read, a progress bar, and how paths and commands are written for them."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

out = Console(highlight=False, soft_wrap=True, markup=False)  # names may hold any character
err = Console(stderr=True, highlight=False, markup=False)


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


def short(path: Path) -> str:
    """Return a path as one types it: relative where it is below the working directory."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def warn(findings: list[str]) -> None:
    """Print what looks unintended, before the run starts."""
    for finding in findings:
        err.print(f"warning: {finding}", soft_wrap=True)
