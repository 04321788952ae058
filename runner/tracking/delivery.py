"""From a run's directory to MLflow. Of the processes of a run, only its uploader imports this.

What was acknowledged is noted on disk after every call, so delivery can stop anywhere and go on later; a
point that is sent again carries its first time stamp, and MLflow keeps one.
"""

from __future__ import annotations

import json
import math
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
from mlflow.entities import Metric, RunTag
from mlflow.exceptions import MlflowException
from numpy.typing import NDArray

from ..record import keys
from ..record.directory import Ending, RunDirectory, Sent, now
from ..record.journal import read
from . import view
from .moved import refuse_lost
from .store import HEARTBEAT, shows_views, store, texts

POINTS_IN_BATCH = 1000  # MLflow's limit for one call
ROWS_IN_MEMORY = 50_000  # of a journal that is far ahead
BEAT_SECONDS = 20.0  # between two heartbeats: `doctor` takes a run for dead after some that are missing


class Delivery:
    """Brings one run directory to MLflow, as far as it has come; call :meth:`advance` again for the rest.

    Raises:
        ConfigError: the store cannot be reached or opened, or has the run and is not there any more.
        BlockingIOError: the run of the sweep that it is part of is not made yet.
    """

    def __init__(self, directory: RunDirectory) -> None:
        self.directory = directory
        self._order = directory.order
        if directory.sent is not None:
            refuse_lost(self._order.uri)
        self._store = store(self._order.uri, self._order.experiment)
        self._client = self._store.client
        self._sent = directory.sent or self._begin()
        self._tell_changed()
        self._next_beat = 0.0

    def _begin(self) -> Sent:
        above = self.directory.parent
        if above is not None and above.sent is None:
            raise BlockingIOError(f"the sweep {above.path} is not in MLflow yet")
        parent_id = above.sent.run_id if above is not None and above.sent is not None else None
        sent = Sent(self._store.begin(self._order, parent_id), experiment_id=self._store.experiment_id)
        sent.view = self._show(sent.run_id)
        self.directory.write(sent)
        return sent

    def _tell_changed(self) -> None:
        """Tell MLflow what a resumed run's settings came to: its params stay as they were at first."""
        told = texts({keys.RESUMED + key: value for key, value in self._order.changed.items()})
        if told:
            tags = [RunTag(key, text) for key, text in told.items()]
            self._client.log_batch(self._sent.run_id, tags=tags, synchronous=True)

    def _show(self, run_id: str, *, is_final: bool = False) -> str | None:
        """Write the view of a sweep's jobs, or of runs; return its key, ``None`` where MLflow takes none."""
        if self._order.parent is not None or not shows_views(self._order.uri):
            return None
        key, state = view.RUNS, view.of_runs()
        if keys.SWEEP_ARGUMENTS in self._order.tags:
            varied = json.loads(self._order.tags.get(keys.SWEEP_VARIED, "[]"))
            key, state = run_id, view.of_sweep(run_id, varied, is_final=is_final)
        try:
            self._client.set_experiment_tag(self._store.experiment_id, view.TAG + key, state)
        except MlflowException:  # as for who may write runs, and not their experiment
            return None
        return key

    @property
    def sent(self) -> Sent:
        """What has reached MLflow."""
        return self._sent

    def advance(self, unwritten: Ending | None = None) -> bool:
        """Send what is new; return whether the run has ended and nothing is left.

        Args:
            unwritten: how the run ended, where that could not be written into its directory.

        Raises:
            MlflowException: the store did not take it; nothing is lost, try again.
        """
        ending = self.directory.ending or unwritten  # looked at first: what comes before it is then complete
        if ending is None:
            self._beat()
        for path in (self.directory.steps, self.directory.evaluations):
            if path.exists():
                self._send_rows(path, self._order.every if path == self.directory.steps else 1)
        if ending is None:
            self._send_files()
            return False
        if self._sent.ended == ending.time:
            return True
        try:
            self._send_files()
            self._send_curves()
        finally:  # a store that takes no files is to know the end all the same
            self._end(ending)
        self._note(ended=ending.time)
        return True

    def _beat(self) -> None:
        """Say now and then that the run lives, for those who cannot look at its process.

        A run that goes on may stand as ended in MLflow: it is opened again.
        """
        if time.monotonic() >= self._next_beat:
            self._client.update_run(self._sent.run_id, status="RUNNING")
            self._client.set_tag(self._sent.run_id, HEARTBEAT, str(now()))
            self._next_beat = time.monotonic() + BEAT_SECONDS

    def _send_files(self) -> None:
        for file in sorted(self.directory.artifacts.glob("*")):
            changed = file.stat().st_mtime_ns
            if self._sent.files.get(file.name) != changed and not file.name.endswith(".draft"):
                self._client.log_artifact(self._sent.run_id, str(file))
                self._note(files={file.name: changed})

    def _send_rows(self, path: Path, every: int) -> None:
        """Send a journal's new rows in batches of whole rows, noting each batch when it was taken."""
        is_behind = True
        while is_behind:
            new = read(path, self._sent.rows.get(path.name, 0), ROWS_IN_MEMORY)
            # Rows that come meanwhile wait for the next tick: a call costs more than they do.
            is_behind = len(new) == ROWS_IN_MEMORY
            size = max(1, POINTS_IN_BATCH // (len(new.dtype.names or ()) - 2)) * every
            for start in range(0, len(new), size):
                rows = new[start : start + size]
                if points := _points(rows[rows["step"] % every == 0]):
                    self._client.log_batch(self._sent.run_id, metrics=points, synchronous=True)
                self._note(rows={path.name: self._sent.rows.get(path.name, 0) + len(rows)})

    def _send_curves(self) -> None:
        """Send every step as one Parquet file; made elsewhere, as the run's own disk may be full."""
        if self.directory.steps.exists():
            with tempfile.TemporaryDirectory() as folder:
                curves = Path(folder, "curves.parquet")
                write_parquet(read(self.directory.steps), curves)
                self._client.log_artifact(self._sent.run_id, str(curves))

    def _end(self, ending: Ending) -> None:
        steps = self._sent.rows.get(self.directory.steps.name, 0)
        figures, tags = dict(ending.metrics), dict(ending.tags)
        order = self.directory.order  # it may have gone on since this delivery began
        if order.past_plans and order.total_steps:
            tags[keys.TOTAL_STEPS] = str(order.total_steps)
            figures[keys.TOTAL_STEPS] = float(order.total_steps)
        points = [Metric(k, v, ending.time, steps) for k, v in figures.items() if math.isfinite(v)]
        if resumed := order.resumed:
            tags["resumed.at"] = ", ".join(map(str, resumed))
        if keys.SWEEP_ARGUMENTS in self._order.tags:
            self._sent.view = self._show(self._sent.run_id, is_final=self._has_final_runs())
        rows = [RunTag(key, text) for key, text in texts(tags).items()]
        self._client.log_batch(self._sent.run_id, metrics=points, tags=rows, synchronous=True)
        self._client.set_terminated(self._sent.run_id, status=ending.status, end_time=ending.time)

    def _has_final_runs(self) -> bool:
        final = f"tags.`{keys.PARENT}` = '{self._sent.run_id}' and tags.`{keys.SWEEP_STAGE}` = 'final'"
        return bool(self._client.search_runs([self._store.experiment_id], final, max_results=1))

    def _note(
        self,
        rows: dict[str, int] | None = None,
        files: dict[str, int] | None = None,
        ended: int | None = None,
    ) -> None:
        self._sent.rows |= rows or {}
        self._sent.files |= files or {}
        self._sent.ended = ended or self._sent.ended
        with suppress(OSError):  # a full disk: what is sent again later, MLflow keeps once
            self.directory.write(self._sent)


def write_parquet(rows: NDArray[np.void], path: Path) -> None:
    """Write the rows of a journal as a Parquet table: ``step``, ``time`` [ms] and the journal's columns."""
    import pyarrow
    from pyarrow import parquet

    table = pyarrow.table({name: np.ascontiguousarray(rows[name]) for name in rows.dtype.names or ()})
    parquet.write_table(table, path)


def _points(rows: NDArray[np.void]) -> list[Metric]:
    """Return a point for each row and column, but for what is not finite: MLflow keeps it as 0 or 1e308."""
    names = (rows.dtype.names or ())[2:]
    return [
        Metric(name, value, when, step)
        for step, when, *values in rows.tolist()
        for name, value in zip(names, values, strict=True)
        if math.isfinite(value)
    ]
