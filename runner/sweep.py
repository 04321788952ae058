"""A sweep is a parent run with its jobs as children, and ends with a table that ranks them."""

from __future__ import annotations

import sys
import traceback
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hydra.core.utils import JobReturn, JobStatus
from hydra.experimental.callback import Callback
from omegaconf import DictConfig

from .errors import ConfigError, Diverged

if TYPE_CHECKING:
    from .tracking import Run, Store


@dataclass(frozen=True)
class Summary:
    """What a finished job came to."""

    name: str
    run_id: str
    val_loss: float
    val_accuracy: float
    seconds: float


@dataclass(frozen=True)
class Failure:
    """A job that did not finish, and why."""

    name: str
    reason: str


@dataclass
class Sweep:
    """The sweep of this process: its finished and failed jobs, and its run in MLflow."""

    title: str
    finished: list[Summary] = field(default_factory=list)
    failed: list[Failure] = field(default_factory=list)
    run: Run | None = None

    def parent(self, store: Store) -> str:
        """Return the id of the parent run; the first job that gets this far makes it."""
        if self.run is None:
            from .tracking import source_tags

            self.run = store.start(f"sweep {self.title}", {}, source_tags() | {"sweep.overrides": self.title})
        return self.run.run_id

    def ranked(self) -> list[Summary]:
        """Return the finished jobs, lowest final validation loss first."""
        return sorted(self.finished, key=lambda job: job.val_loss)

    def close(self, *, interrupted: bool) -> None:
        """End the parent run: KILLED when interrupted, FAILED when a job failed, else FINISHED."""
        if self.run is None:
            return
        status = "KILLED" if interrupted else "FAILED" if self.failed else "FINISHED"
        best = self.ranked()[0] if self.finished else None
        figures = {"best/val_loss": best.val_loss, "best/val_accuracy": best.val_accuracy} if best else {}
        note = f"{len(self.finished)} jobs finished, {len(self.failed)} failed."
        if best:
            note += f" Lowest final validation loss: {best.name} ({best.val_loss:.4f})."
        self.run.finish(status, figures, {"mlflow.note.content": note})


current: Sweep | None = None
"""The sweep that this process runs; ``None`` for a single run."""


class SweepCallback(Callback):
    """Hydra's callback: begins a sweep and notes each job's failure.

    The end is not taken from Hydra: version 1.3 skips its end callback when a job fails or on Ctrl-C.
    """

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        """Begin a sweep. Nothing is written yet: Hydra checks first that every job composes."""
        global current
        current = Sweep(" ".join(config.hydra.overrides.task) or "of one job")

    def on_job_end(self, config: DictConfig, job_return: JobReturn, **kwargs: Any) -> None:
        """Note a failed job, and say so at once."""
        if current is None or job_return.status is not JobStatus.FAILED:
            return
        error = job_return._return_value
        name = " ".join(job_return.overrides or [])
        current.failed.append(Failure(name, str(error).splitlines()[0] if str(error) else repr(error)))
        print(f"job {config.hydra.job.num} ({name}) failed: {error}", file=sys.stderr)
        if not isinstance(error, (ConfigError, Diverged)):
            traceback.print_exception(error)
