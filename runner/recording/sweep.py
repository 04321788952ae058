"""A sweep whose runs are recorded by scripts: each joins it when it begins, and leaves it when it ends."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from ..errors import ConfigError
from ..record import keys
from ..record.directory import Ending, Order, RunDirectory, now
from ..record.result import result_of
from ..settings.address import absolute
from ..settings.config import TrackingSettings
from ..sweep.sweep import Sweep
from ..tracking.courier import Messenger

PATIENCE = 10.0  # seconds for others that join at the same moment


class RecordedSweep(Sweep):
    """A sweep that no process owns: scripts that run at once or one after another each add a run.

    Args:
        name: what ``python -m runner compare`` finds it by.
        path: its folder.
    """

    def __init__(self, name: str, path: Path) -> None:
        super().__init__(name, RunDirectory(path), tags={keys.RECORDED: "runner.record"})

    def begin(self, settings: TrackingSettings, messenger: Messenger) -> RunDirectory:
        """Return the sweep's directory, after MLflow has its run, made or opened again.

        Raises:
            ConfigError: the store is away, or the sweep's other runs are in another one.
        """
        with self._alone():
            is_new = not self.directory.order_file.exists()
            if is_new:
                self.directory.write(self._order(settings))
            self._refuse_elsewhere(settings)
            self.directory.end_file.unlink(missing_ok=True)
        self._lock = self.directory.lock()  # says to others that it lives; another run's script may hold it
        try:
            messenger.open(self.directory, settings.offline)
        except ConfigError:
            if is_new:
                self.directory.order_file.unlink()
            self._let_go()
            raise
        return self.directory

    def leave(self, messenger: Messenger) -> None:
        """Say how the runs have ended so far: the last that leaves has the last word."""
        self.results = [ended for each in self.jobs() if (ended := result_of(each)) is not None]
        status = "FAILED" if self._has_failed() else "FINISHED"
        messenger.serve(self.directory)
        messenger.end(self.directory, Ending(status, now(), self._figures(), self._note() | self.tags))
        self._let_go()

    def _let_go(self) -> None:
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def _order(self, settings: TrackingSettings) -> Order:
        return replace(super()._order(settings), name=self.title)

    def _refuse_elsewhere(self, settings: TrackingSettings) -> None:
        order = self.directory.order
        for name, there, here in (
            ("uri", order.uri, absolute(settings.uri)),
            ("experiment", order.experiment, settings.experiment),
        ):
            if there != here:
                raise ConfigError(
                    f"tracking.{name} must be that of the sweep {self.title!r}, {there}, got {here}"
                )

    @contextmanager
    def _alone(self) -> Iterator[None]:
        self.directory.path.mkdir(parents=True, exist_ok=True)
        deadline = time.monotonic() + PATIENCE
        while (lock := self.directory.lock("joining")) is None:
            if time.monotonic() > deadline:
                raise ConfigError(f"{self.directory.path} is held by another process that joins the sweep")
            time.sleep(0.02)
        with lock:
            yield
