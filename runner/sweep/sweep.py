"""A sweep is a parent run with its jobs as children, and ends with a table that ranks them."""

from __future__ import annotations

import json
import math
import sys
import traceback
import uuid
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra.core.hydra_config import HydraConfig
from hydra.core.utils import JobReturn, JobStatus
from hydra.experimental.callback import Callback
from omegaconf import DictConfig, OmegaConf, open_dict

from ..errors import ConfigError, Diverged
from ..record import provenance
from ..record.directory import Ending, Order, RunDirectory, find, now
from ..settings.address import absolute
from ..settings.overrides import in_force, parse, without
from ..tracking import courier
from ..training import ranks
from .tags import COMMAND, POOLED

if TYPE_CHECKING:
    from ..settings.config import TrackingSettings

MINE = ("basic", *POOLED)  # launchers that call the sweep by themselves, in the process that began it


@dataclass
class Summary:
    """What a finished job came to; a job that is not judged on validation data has NaN there."""

    name: str
    run_id: str
    val_loss: float
    val_accuracy: float | None
    seconds: float
    directory: RunDirectory | None = None


@dataclass(frozen=True)
class Failure:
    """A job that did not finish, and why; or that was stopped, which is no fault of its own."""

    name: str
    reason: str
    was_stopped: bool = False


def summary_of(directory: RunDirectory) -> Summary | None:
    """Return what a job's directory says it came to; ``None`` when it did not finish."""
    ending = directory.ending if directory.order_file.exists() else None
    if ending is None or ending.status != "FINISHED":
        return None
    figures = ending.metrics
    sent = directory.sent
    return Summary(
        directory.order.name,
        sent.run_id if sent is not None else "",
        figures.get("final/val_loss", math.nan),
        figures.get("final/val_accuracy"),
        figures["seconds"],
        directory,
    )


@dataclass
class Sweep:
    """The sweep of this process: its finished and failed jobs, and its directory."""

    title: str
    directory: RunDirectory
    finished: list[Summary] = field(default_factory=list)
    failed: list[Failure] = field(default_factory=list)
    diverged: list[Failure] = field(default_factory=list)
    uri: str | None = None
    experiment: str = ""
    patience: float = 60.0
    varied: set[str] = field(default_factory=set)
    searched: set[str] = field(default_factory=set)
    is_mine: bool = True
    is_delivered: bool = False
    launcher: str = "local"
    command: list[str] = field(default_factory=list)
    tags: dict[str, str] = field(default_factory=dict)
    note: str = ""
    _held: Any = None

    @classmethod
    def around(cls, directory: RunDirectory, varied: set[str]) -> Sweep:
        """Return the sweep that this process trains a job of, and that another one began and will end."""
        order = directory.order
        title = order.tags["sweep.overrides"]
        return cls(title, directory, uri=order.uri, varied=varied, is_mine=False)

    def begin(self, settings: TrackingSettings, messenger: courier.Messenger) -> RunDirectory:
        """Return the sweep's directory; the first call has MLflow make its run, or open it again.

        Raises:
            ConfigError: the store is away, or another process is at this sweep.
        """
        if self.uri is not None:
            return self.directory
        self.directory.path.mkdir(parents=True, exist_ok=True)
        self._held = self.directory.hold()  # says to others that the sweep lives
        is_new = not self.directory.order_file.exists()
        if is_new:
            self.directory.write(self._order(settings))
        self.directory.end_file.unlink(missing_ok=True)
        try:
            messenger.open(self.directory, settings.offline)
        except ConfigError:
            if is_new:
                self.directory.order_file.unlink()
            self._held.close()
            raise
        self.uri, self.experiment, self.patience = settings.uri, settings.experiment, settings.patience
        return self.directory

    def _order(self, settings: TrackingSettings) -> Order:
        origin = provenance.origin().tags
        mine = {
            "directory": str(self.directory.path),
            "sweep.overrides": self.title,
            "sweep.varied": json.dumps(sorted(self.varied)),
            "sweep.searched": json.dumps(sorted(self.searched)),
            COMMAND: json.dumps(self.command),
        }
        return Order(
            uid=uuid.uuid4().hex,
            uri=absolute(settings.uri),
            experiment=settings.experiment,
            name=f"sweep {self.title}",
            params={},
            tags=origin | mine | self.tags,
            started=now(),
        )

    def collect(self) -> None:
        """Read what became of jobs that other processes trained, and that nobody told of."""
        told = {job.name for job in self.finished} | {job.name for job in self.diverged + self.failed}
        for directory in self.jobs():
            name, ending = directory.order.name, directory.ending
            if name in told or ending is None:
                continue
            if (summary := summary_of(directory)) is not None:
                self.finished.append(summary)
            elif "diverged.step" in ending.tags:
                self.diverged.append(Failure(name, ending.tags["reason"]))
            else:
                reason, was_stopped = ending.tags.get("reason", ending.status), ending.status == "KILLED"
                self.failed.append(Failure(name, reason, was_stopped))

    def jobs(self) -> list[RunDirectory]:
        """Return the directories of its jobs that were begun."""
        return [each for each in find(self.directory.path) if each.path != self.directory.path]

    def ranked(self) -> list[Summary]:
        """Return the finished jobs, lowest final validation loss first."""
        return sorted(self.finished, key=lambda job: (math.isnan(job.val_loss), job.val_loss))

    def judged(self) -> list[Summary]:
        """Return the ranked jobs that have a validation loss: all but range tests."""
        return [job for job in self.ranked() if not math.isnan(job.val_loss)]

    def close(self, *, interrupted: bool) -> None:
        """End the parent run: KILLED when interrupted, FAILED when a job failed, else FINISHED."""
        if self.uri is None or not self.is_mine:  # no job came as far as MLflow
            return
        from ..run.start import deliver

        self.collect()
        status = "KILLED" if interrupted else "FAILED" if self._has_failed() else "FINISHED"
        messenger = courier.current(self.directory.path / "uploader.log", self.patience)
        messenger.end(self.directory, Ending(status, now(), self._figures(), self._note() | self.tags))
        self._held.close()
        with suppress(KeyboardInterrupt):  # the sweep itself has ended: only the waiting is broken off
            self.is_delivered = messenger.wait([self.directory, *self.jobs()], self.patience)
        if not self.is_delivered:
            deliver(0.0, [self.directory], messenger)
        for job in self.finished:
            if job.directory is not None and (sent := job.directory.sent) is not None:
                job.run_id = sent.run_id

    @property
    def is_told(self) -> bool:
        """Whether a job failed or diverged, which was said when it did."""
        return bool(self.failed or self.diverged)

    def _has_failed(self) -> bool:
        """Whether a job failed. That one diverged is a finding, unless all did."""
        return bool(self.failed) or bool(self.diverged and not self.finished)

    def _figures(self) -> dict[str, float]:
        if not self.judged():
            return {}
        best = self.judged()[0]
        accuracy = {} if best.val_accuracy is None else {"best/val_accuracy": best.val_accuracy}
        return {"best/val_loss": best.val_loss, **accuracy}

    def _note(self) -> dict[str, str]:
        note = (
            f"{len(self.finished)} jobs finished, {len(self.diverged)} diverged, {len(self.failed)} failed."
        )
        if self.judged():
            best = self.judged()[0]
            note += f" Lowest final validation loss: {best.name} ({best.val_loss:.4f})."
        return {"mlflow.note.content": note}


current: Sweep | None = None
"""The sweep that this process runs, or runs a job of; ``None`` for a single run."""


def join() -> None:
    """Find the sweep that this process was started for by another machine's or engine's launcher."""
    global current
    context = HydraConfig.get()
    if current is None and context.mode is not None and context.mode.name == "MULTIRUN":
        above = RunDirectory(Path(str(context.sweep.dir)))
        if above.order_file.exists():
            current = Sweep.around(above, set(json.loads(above.order.tags["sweep.varied"])))


_refusal: ConfigError | None = None


def raise_refusal() -> None:
    """Raise what kept a sweep from beginning."""
    if _refusal is not None:
        raise _refusal


class SweepCallback(Callback):
    """Hydra's callback: begins a sweep and notes each job's failure.

    The end is not taken from Hydra: version 1.3 skips its end callback when a job fails or on Ctrl-C.
    """

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        """Begin a sweep. Nothing is written yet: Hydra checks first that every job composes.

        Hydra takes what a callback raises for a warning: the sweeper asks :func:`raise_refusal`.
        """
        global _refusal
        try:
            self._begin(config)
        except ConfigError as error:
            _refusal = error

    def _begin(self, config: DictConfig) -> None:
        global current
        if ranks.count() > 1:
            raise ConfigError("a sweep must run without torchrun; start torchrun for each of its jobs")
        path = Path(str(config.hydra.sweep.dir))
        if RunDirectory(path).order_file.exists() and not config.sweep.resume:
            raise ConfigError(
                f"hydra.sweep.dir must be a new folder, got {path}, which holds a sweep; "
                f"to go on with that one: sweep.resume={path}"
            )
        params = OmegaConf.select(config, "hydra.sweeper.params") or {}
        asked = in_force([*(f"{key}={value}" for key, value in params.items()), *config.hydra.overrides.task])
        arguments = without(asked, "sweep", "tracking")
        title = " ".join(arguments)
        swept = [o for o in parse(asked) if o.is_sweep_override()]
        varied = {o.key_or_group for o in swept}
        searched = {o.key_or_group for o in swept if not o.is_discrete_sweep()}
        launcher = str(OmegaConf.select(config, "hydra.runtime.choices")["hydra/launcher"])
        title = title or "of one job"
        command = [
            o
            for o in (*config.hydra.overrides.task, *config.hydra.overrides.hydra)
            if not o.startswith(("sweep.", "hydra.mode=", "hydra.sweep.dir="))
        ]
        current = Sweep(
            title,
            RunDirectory(path),
            varied=varied,
            searched=searched,
            launcher=launcher,
            command=command,
        )
        if launcher not in MINE:
            self._begin_for_others(config, current)

    def _begin_for_others(self, config: DictConfig, mine: Sweep) -> None:
        """Make the parent run now: the processes of other launchers find it in the sweep's folder."""
        from ..settings.config import TrackingSettings

        settings = TrackingSettings(**config.tracking)
        mine.directory.path.mkdir(parents=True, exist_ok=True)
        messenger = courier.current(mine.directory.path / "uploader.log", settings.patience)
        mine.begin(settings, messenger)
        with open_dict(config):
            config.hydra.sweep.dir = str(mine.directory.path)
            config.hydra.overrides.hydra.append(f"hydra.sweep.dir={mine.directory.path}")

    def on_job_end(self, config: DictConfig, job_return: JobReturn, **kwargs: Any) -> None:
        """Note a failed job, and say so at once."""
        if current is None or job_return.status is not JobStatus.FAILED:
            return
        error = job_return._return_value
        name = " ".join(job_return.overrides or [])
        told = current.diverged if isinstance(error, Diverged) else current.failed
        told.append(Failure(name, str(error).splitlines()[0] if str(error) else repr(error)))
        print(f"job {config.hydra.job.num} ({name}) failed: {error}", file=sys.stderr)
        if not isinstance(error, (ConfigError, Diverged)):
            traceback.print_exception(error)
