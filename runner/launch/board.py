"""The table that lives while a sweep runs; in a file or a pipe, a line for each job that ends."""

from __future__ import annotations

import math
import time
from collections import Counter
from types import TracebackType

from rich import box
from rich.console import Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from ..console import err
from ..record.journal import count
from ..record.result import result_of
from ..words import duration
from . import manifest
from .manifest import Job, Manifest

SHOWN = 4  # jobs that ended last


class Board:
    """Shows how far a batch of jobs has come.

    Args:
        kept: the sweep's manifest.
        steps: updates of each job.
        jobs: of the batch.
        slots: how many run at a time.
        note: what the batch is for.
    """

    def __init__(
        self, kept: Manifest, steps: dict[int, int], jobs: list[Job], slots: int, note: str = ""
    ) -> None:
        self._manifest = kept
        self._steps = steps
        self._jobs = list({job.number: job for job in jobs}.values())
        self._slots = slots
        self._note = note
        self._before = sum(job.state in manifest.DONE for job in self._jobs)
        self._began = time.monotonic()
        self._lines: list[Text] = []
        self._live = Live(console=err, refresh_per_second=4, transient=True)

    def __enter__(self) -> Board:
        """Show it."""
        if err.is_terminal:
            self._live.start()
            return self
        if self._note:
            err.print(self._note, soft_wrap=True)
        if self._before:
            err.print(f"{self._before} of {len(self._jobs)} jobs are done already")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Take it away; the sweep's own table follows."""
        if err.is_terminal:
            self._live.stop()

    def tell(self, job: Job) -> None:
        """Note a job that ended."""
        line = self._line(job)
        self._lines = [*self._lines[-SHOWN + 1 :], line]
        if not err.is_terminal or job.state in (manifest.FAILED, manifest.DIVERGED):
            (self._live.console if err.is_terminal else err).print(line, soft_wrap=True)

    def show(self, running: list[int]) -> None:
        """Draw it anew."""
        if err.is_terminal:
            note = [Text(self._note)] if self._note else []
            self._live.update(Group(*note, self._head(running), self._running(running), *self._lines))

    def _line(self, job: Job) -> Text:
        directory = self._manifest.directory(job)
        done = sum(each.state not in (manifest.WAITING, manifest.RUNNING) for each in self._jobs)
        place = f"{done}/{len(self._jobs)}"
        name = directory.order.name if directory.order_file.exists() else " ".join(job.overrides)
        result = result_of(directory) if job.state == manifest.FINISHED else None
        if result is not None:
            judged = f"val loss {result.val_loss:.4f}  " if not math.isnan(result.val_loss) else ""
            return Text(f"{place:>9}  {name}  {judged}{duration(job.seconds)}")
        again = ", is tried again" if job.state == manifest.WAITING else ""
        return Text(f"{place:>9}  {name}  {job.state}{again}: {job.reason}", style="red")

    def _head(self, running: list[int]) -> Text:
        states = Counter(job.state for job in self._jobs)
        done = sum(states[state] for state in (*manifest.DONE, manifest.FAILED))
        parts = [f"{done} of {len(self._jobs)} jobs", f"{len(running)} running"]
        parts += [f"{states[s]} {s}" for s in (manifest.DIVERGED, manifest.FAILED) if states[s]]
        fresh = done - self._before
        if fresh > 0:
            each = (time.monotonic() - self._began) / fresh
            parts.append(f"{duration(each * (len(self._jobs) - done))} left")
        return Text("  ".join(parts), style="bold")

    def _running(self, running: list[int]) -> Table:
        table = Table(box=box.SIMPLE, show_header=False, padding=(0, 1))
        for number in running:
            job = self._manifest.jobs[number]
            directory = self._manifest.directory(job)
            begun = directory.order_file.exists()
            done = count(directory.steps) if begun else 0
            total = max(1, self._steps.get(number, 1))
            name = directory.order.name if begun else " ".join(job.overrides)
            bar = ProgressBar(total=total, completed=done, width=24)
            table.add_row(str(number), Text(name), bar, f"{done}/{total}")
        return table
