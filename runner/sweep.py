"""A sweep is a parent run with its jobs as children, and ends with a table that ranks them."""

from __future__ import annotations

import math
import sys
import traceback
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.utils import JobReturn, JobStatus
from hydra.experimental.callback import Callback
from omegaconf import DictConfig

from . import courier, provenance
from .directory import Ending, Order, RunDirectory, find, now
from .errors import ConfigError, Diverged

if TYPE_CHECKING:
    from .config import RunSettings


@dataclass(frozen=True)
class Summary:
    """What a finished job came to; a job that is not judged on validation data has NaN there."""

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
    """The sweep of this process: its finished and failed jobs, and its directory."""

    title: str
    directory: RunDirectory
    finished: list[Summary] = field(default_factory=list)
    failed: list[Failure] = field(default_factory=list)
    uri: str | None = None
    patience: float = 60.0
    varied: set[str] = field(default_factory=set)
    _held: Any = None

    def begin(self, settings: RunSettings, messenger: courier.Courier) -> RunDirectory:
        """Return the sweep's directory; the first job that gets this far has MLflow make its run.

        Raises:
            ConfigError: the store is away.
        """
        if self.uri is None:
            from .job import absolute

            order = Order(
                uid=uuid.uuid4().hex,
                uri=absolute(settings.tracking.uri),
                experiment=settings.tracking.experiment,
                name=f"sweep {self.title}",
                params={},
                tags=provenance.tags()
                | {"directory": str(self.directory.path), "sweep.overrides": self.title},
                started=now(),
            )
            self._held = self._held or self.directory.hold()  # says to others that the sweep lives
            self.directory.write(order)
            try:
                messenger.open(self.directory, settings.tracking.offline)
            except ConfigError:
                self.directory.order_file.unlink()
                raise
            self.uri, self.patience = settings.tracking.uri, settings.tracking.patience
        return self.directory

    def ranked(self) -> list[Summary]:
        """Return the finished jobs, lowest final validation loss first."""
        return sorted(self.finished, key=lambda job: (math.isnan(job.val_loss), job.val_loss))

    def close(self, *, interrupted: bool) -> None:
        """End the parent run: KILLED when interrupted, FAILED when a job failed, else FINISHED."""
        if self.uri is None:  # no job came as far as MLflow
            return
        from .job import deliver

        status = "KILLED" if interrupted else "FAILED" if self.failed else "FINISHED"
        judged = [job for job in self.ranked() if not math.isnan(job.val_loss)]
        best = judged[0] if judged else None
        figures = {"best/val_loss": best.val_loss, "best/val_accuracy": best.val_accuracy} if best else {}
        note = f"{len(self.finished)} jobs finished, {len(self.failed)} failed."
        if best:
            note += f" Lowest final validation loss: {best.name} ({best.val_loss:.4f})."
        messenger = courier.current(self.directory.path / "uploader.log", self.patience)
        messenger.end(self.directory, Ending(status, now(), figures, {"mlflow.note.content": note}))
        self._held.close()
        jobs = [each for each in find(self.directory.path) if each.path != self.directory.path]
        if not messenger.wait([self.directory, *jobs], self.patience):
            deliver(0.0, [self.directory], messenger)


current: Sweep | None = None
"""The sweep that this process runs; ``None`` for a single run."""


class SweepCallback(Callback):
    """Hydra's callback: begins a sweep and notes each job's failure.

    The end is not taken from Hydra: version 1.3 skips its end callback when a job fails or on Ctrl-C.
    """

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        """Begin a sweep. Nothing is written yet: Hydra checks first that every job composes."""
        global current
        title = " ".join(config.hydra.overrides.task) or "of one job"
        current = Sweep(title, RunDirectory(Path(str(config.hydra.sweep.dir))))
        overrides = OverridesParser.create().parse_overrides(list(config.hydra.overrides.task))
        current.varied = {o.get_key_element() for o in overrides if o.is_sweep_override()}

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
