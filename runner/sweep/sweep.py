"""A sweep is a parent run with its jobs as children, and ends with a table that ranks them."""

from __future__ import annotations

import json
import math
import uuid
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..errors import ConfigError
from ..record import keys, provenance
from ..record.directory import Ending, Order, RunDirectory, find, now
from ..record.result import DIVERGED, FAILED, FINISHED, KILLED, JobResult, result_of
from ..run.lifecycle import deliver
from ..settings.address import absolute
from ..tracking.courier import Messenger
from .tags import POOLED

if TYPE_CHECKING:
    from ..settings.config import TrackingSettings

MINE = ("basic", *POOLED)  # launchers that call the sweep by themselves, in the process that began it


@dataclass
class Sweep:
    """A sweep that this process runs, or runs a job of.

    Attributes:
        title: what it varies, for people.
        directory: its folder.
        varied: keys of the settings that differ between its jobs.
        searched: of these, the ones with values that a search draws.
        results: how its jobs ended, those that this process knows of.
        uri: the store; ``None`` until the first job has made the parent run.
        waits_for_jobs: whether this process began it, and waits for the delivery of all jobs at its end.
        is_delivered: whether MLflow has the sweep and all of its jobs.
        launcher: what starts its jobs.
        arguments: the overrides of its command line that count.
        tags: more that its run says.
        purpose: what the jobs that come next are for.
    """

    title: str
    directory: RunDirectory
    varied: set[str] = field(default_factory=set)
    searched: set[str] = field(default_factory=set)
    results: list[JobResult] = field(default_factory=list)
    uri: str | None = None
    experiment: str = ""
    patience: float = 60.0
    waits_for_jobs: bool = True
    is_delivered: bool = False
    launcher: str = "local"
    arguments: list[str] = field(default_factory=list)
    tags: dict[str, str] = field(default_factory=dict)
    purpose: str = ""
    _lock: Any = None

    @classmethod
    def around(cls, directory: RunDirectory, varied: set[str]) -> Sweep:
        """Return the sweep that this process trains a job of, and that another one began and will end."""
        order = directory.order
        title = order.tags[keys.SWEEP_ARGUMENTS]
        return cls(title, directory, uri=order.uri, varied=varied, waits_for_jobs=False)

    def begin(self, settings: TrackingSettings, messenger: Messenger) -> RunDirectory:
        """Return the sweep's directory; the first call has MLflow make its run, or open it again.

        Raises:
            ConfigError: the store is away, or another process is at this sweep.
        """
        if self.uri is not None:
            return self.directory
        self.directory.path.mkdir(parents=True, exist_ok=True)
        self._lock = self.directory.hold()  # says to others that the sweep lives
        is_new = not self.directory.order_file.exists()
        if is_new:
            self.directory.write(self._order(settings))
        self.directory.end_file.unlink(missing_ok=True)
        try:
            messenger.open(self.directory, settings.offline)
        except ConfigError:
            if is_new:
                self.directory.order_file.unlink()
            self._lock.close()
            raise
        self.uri, self.experiment, self.patience = settings.uri, settings.experiment, settings.patience
        return self.directory

    def _order(self, settings: TrackingSettings) -> Order:
        mine = {
            "directory": str(self.directory.path),
            keys.SWEEP_ARGUMENTS: self.title,
            keys.ARGUMENTS: json.dumps(self.arguments),
            keys.SWEEP_VARIED: json.dumps(sorted(self.varied)),
            keys.SWEEP_SEARCHED: json.dumps(sorted(self.searched)),
        }
        return Order(
            uid=uuid.uuid4().hex,
            uri=absolute(settings.uri),
            experiment=settings.experiment,
            name=f"sweep {self.title}",
            params={},
            tags=provenance.look_up().tags | mine | self.tags,
            started=now(),
        )

    def note(self, result: JobResult) -> None:
        """Take note of how a job ended."""
        self.results.append(result)

    def collect(self) -> None:
        """Read how jobs ended that other processes trained, and that nobody noted."""
        noted = {result.name for result in self.results}
        for directory in self.jobs():
            if directory.order.name not in noted and (result := result_of(directory)) is not None:
                self.note(result)

    def jobs(self) -> list[RunDirectory]:
        """Return the directories of its jobs that were begun."""
        return [each for each in find(self.directory.path) if each.path != self.directory.path]

    def _in(self, *states: str) -> list[JobResult]:
        return [result for result in self.results if result.state in states]

    @property
    def finished(self) -> list[JobResult]:
        """The jobs that trained to their end."""
        return self._in(FINISHED)

    @property
    def diverged(self) -> list[JobResult]:
        """The jobs whose loss stopped being a number."""
        return self._in(DIVERGED)

    @property
    def failed(self) -> list[JobResult]:
        """The jobs that did not finish, or were stopped."""
        return self._in(FAILED, KILLED)

    def ranked(self) -> list[JobResult]:
        """Return the finished jobs, lowest final validation loss first."""
        return sorted(self.finished, key=lambda job: (math.isnan(job.val_loss), job.val_loss))

    def judged(self) -> list[JobResult]:
        """Return the ranked jobs that have a validation loss: all but range tests."""
        return [job for job in self.ranked() if not math.isnan(job.val_loss)]

    def close(self, messenger: Messenger, *, interrupted: bool) -> None:
        """End the parent run: KILLED when interrupted, FAILED when a job failed, else FINISHED."""
        self.collect()
        status = "KILLED" if interrupted else "FAILED" if self._has_failed() else "FINISHED"
        messenger.end(self.directory, Ending(status, now(), self._figures(), self._note() | self.tags))
        self._lock.close()
        with suppress(KeyboardInterrupt):  # the sweep itself has ended: only the waiting is broken off
            self.is_delivered = messenger.wait([self.directory, *self.jobs()], self.patience)
        if not self.is_delivered:
            deliver(0.0, [self.directory], messenger)
        read = [result_of(job.directory) if job.directory else None for job in self.results]
        self.results = [new or old for new, old in zip(read, self.results, strict=True)]

    @property
    def has_begun(self) -> bool:
        """Whether this process made or opened the parent run, and has to end it."""
        return self.uri is not None and self.waits_for_jobs

    @property
    def has_lost_jobs(self) -> bool:
        """Whether a job failed or diverged, which was printed when it did."""
        return bool(self.failed or self.diverged)

    def _has_failed(self) -> bool:
        """Whether a job failed. That one diverged is a finding, unless all did."""
        return bool(self.failed) or bool(self.diverged and not self.finished)

    def _figures(self) -> dict[str, float]:
        if not self.judged():
            return {}
        best = self.judged()[0]
        accuracy = {} if best.val_accuracy is None else {keys.BEST_VAL_ACCURACY: best.val_accuracy}
        return {keys.BEST_VAL_LOSS: best.val_loss, **accuracy}

    def _note(self) -> dict[str, str]:
        note = (
            f"{len(self.finished)} jobs finished, {len(self.diverged)} diverged, {len(self.failed)} failed."
        )
        if self.judged():
            best = self.judged()[0]
            note += f" Lowest final validation loss: {best.name} ({best.val_loss:.4f})."
        return {keys.NOTE: note}
