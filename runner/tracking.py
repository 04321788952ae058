"""From a run's directory to MLflow. It and ``compare/archive.py`` import mlflow; the trainer does not.

``MlflowClient`` with a run id throughout, never the fluent functions: those keep a run for each thread and
report a crashed one as finished. What was acknowledged is noted on disk after every call, so delivery can
stop anywhere and go on later; a point that is sent again carries its first time stamp, and MLflow keeps one.
"""

from __future__ import annotations

import fcntl
import functools
import logging
import math
import re
import sqlite3
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
from mlflow.entities import Metric, Param, RunTag
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient
from numpy.typing import NDArray

from .directory import Ending, Order, RunDirectory, Sent
from .errors import ConfigError, reason_of
from .journal import read

POINTS_IN_BATCH = 1000  # MLflow's limit for one call
PARAMS_IN_BATCH = 100  # likewise
TEXT_LIMIT = 5000  # of a parameter or a tag; MLflow's own limits are 6000 and 8000
ROWS_IN_MEMORY = 50_000  # of a journal that is far ahead
UID = "runner.uid"
SQLITE = "sqlite:///"

for noisy in ("mlflow", "alembic"):  # schema migrations of a new store, one line each
    logging.getLogger(noisy).setLevel(logging.WARNING)


class Store:
    """An MLflow store that answered, and the experiment that runs go to.

    Args:
        uri: ``sqlite:////file`` or the address of a server.
        experiment: name of the experiment; it is made when it is missing.

    Raises:
        ConfigError: the store cannot be reached or opened, or the experiment was deleted.
    """

    def __init__(self, uri: str, experiment: str) -> None:
        self.uri = uri
        if uri.startswith(("http://", "https://")) and (reason := silence(uri)) is not None:
            raise ConfigError(
                f"tracking.uri must be a server that answers, got {uri!r}: {reason}; "
                "tracking.offline=true trains all the same, and sends when it does"
            )
        try:
            with _one_at_a_time(uri):
                self.client = MlflowClient(tracking_uri=uri)
                self.experiment_id = self._find(experiment)
                if uri.startswith(SQLITE):
                    _let_readers_and_writers_work_together(_database(uri))
        except (MlflowException, OSError, sqlite3.Error) as error:
            raise ConfigError(
                f"tracking.uri must be a store MLflow can open, got {uri!r}: {reason_of(error)}"
            ) from error

    def _find(self, experiment: str) -> str:
        """Return the experiment's id; a new one is marked as training, so MLflow opens on runs and charts."""
        known = self.client.get_experiment_by_name(experiment)
        if known is None:
            kind = {"mlflow.experimentKind": "custom_model_development"}
            with suppress(MlflowException):  # another process may be making it
                return str(self.client.create_experiment(experiment, _artifacts_of(self.uri), tags=kind))
            known = self.client.get_experiment_by_name(experiment)
        if known is None or known.lifecycle_stage != "active":
            raise ConfigError(
                f"tracking.experiment must be one that was not deleted, got {experiment!r}; "
                "restore it in MLflow, or choose another name"
            )
        return str(known.experiment_id)

    def begin(self, order: Order, parent_id: str | None) -> str:
        """Return the id of the ordered run: the one that an earlier try made, else a new one."""
        made = self.client.search_runs(
            [self.experiment_id], filter_string=f"tags.`{UID}` = '{order.uid}'", max_results=1
        )
        if made:
            run_id = str(made[0].info.run_id)
            self._log_params(run_id, order.params)
            return run_id
        tags = order.tags | {UID: order.uid} | ({"mlflow.parentRunId": parent_id} if parent_id else {})
        created = self.client.create_run(
            self.experiment_id, start_time=order.started, run_name=order.name, tags=_texts(tags)
        )
        run_id = str(created.info.run_id)
        try:
            self._log_params(run_id, order.params)
        except BaseException:
            with suppress(MlflowException):  # refused as a whole: no half a run is left
                self.client.delete_run(run_id)
            raise
        return run_id

    def _log_params(self, run_id: str, params: dict[str, Any]) -> None:
        rows = [Param(key, text) for key, text in _texts(params).items()]
        for start in range(0, len(rows), PARAMS_IN_BATCH):
            self.client.log_batch(run_id, params=rows[start : start + PARAMS_IN_BATCH], synchronous=True)


@functools.cache
def store(uri: str, experiment: str) -> Store:
    """Return the store at ``uri``, opened once for all the runs that a process delivers."""
    return Store(uri, experiment)


class Delivery:
    """Brings one run directory to MLflow, as far as it has come; call :meth:`advance` again for the rest.

    Raises:
        ConfigError: the store cannot be reached or opened.
        BlockingIOError: the run of the sweep that it is part of is not made yet.
    """

    def __init__(self, directory: RunDirectory) -> None:
        self.directory = directory
        self._order = directory.order
        self._store = store(self._order.uri, self._order.experiment)
        self._client = self._store.client
        self._sent = directory.sent or self._begin()
        self._is_open = False

    def _begin(self) -> Sent:
        above = self.directory.parent
        if above is not None and above.sent is None:
            raise BlockingIOError(f"the sweep {above.path} is not in MLflow yet")
        parent_id = above.sent.run_id if above is not None and above.sent is not None else None
        sent = Sent(self._store.begin(self._order, parent_id))
        self.directory.write(sent)
        return sent

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
        if ending is None and not self._is_open:  # a run that goes on: MLflow may have it as ended
            self._client.update_run(self._sent.run_id, status="RUNNING")
            self._is_open = True
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

    def _send_files(self) -> None:
        for file in sorted(self.directory.artifacts.glob("*")):
            changed = file.stat().st_mtime_ns
            if self._sent.files.get(file.name) != changed and not file.name.endswith(".draft"):
                self._client.log_artifact(self._sent.run_id, str(file))
                self._note(files={file.name: changed})

    def _send_rows(self, path: Path, every: int) -> None:
        """Send a journal's new rows in batches of whole rows, noting each batch when it was taken."""
        while len(new := read(path, self._sent.rows.get(path.name, 0), ROWS_IN_MEMORY)):
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
        points = [Metric(k, v, ending.time, steps) for k, v in ending.metrics.items() if math.isfinite(v)]
        tags = dict(ending.tags)
        if self._order.resumed:
            tags["resumed.at"] = ", ".join(map(str, self._order.resumed))
        rows = [RunTag(key, text) for key, text in _texts(tags).items()]
        self._client.log_batch(self._sent.run_id, metrics=points, tags=rows, synchronous=True)
        self._client.set_terminated(self._sent.run_id, status=ending.status, end_time=ending.time)

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


def _texts(items: dict[str, Any]) -> dict[str, str]:
    """Return names and texts as MLflow takes them: other characters become ``_``, long texts are cut."""
    return {re.sub(r"[^\w\-. :/]", "_", key)[:250]: _cut(str(value)) for key, value in items.items()}


def _cut(text: str) -> str:
    return text if len(text) <= TEXT_LIMIT else f"{text[: TEXT_LIMIT - 3]}..."


def _database(uri: str) -> Path:
    return Path(uri.removeprefix(SQLITE).partition("?")[0])


def _artifacts_of(uri: str) -> str | None:
    """Return where files go: beside a SQLite store; ``None`` where a server decides.

    MLflow's own choice would be the folder that happens to be the working directory.
    """
    return (_database(uri).absolute().parent / "mlruns").as_uri() if uri.startswith(SQLITE) else None


def _let_readers_and_writers_work_together(file: Path) -> None:
    """Turn on SQLite's write-ahead log; the file remembers it."""
    with closing(sqlite3.connect(file, timeout=20.0)) as database:
        if database.execute("PRAGMA journal_mode").fetchone() != ("wal",):
            database.execute("PRAGMA journal_mode=WAL")


@contextmanager
def _one_at_a_time(uri: str) -> Iterator[None]:
    """Let one process at a time open a SQLite store: several that make its tables at once would fail."""
    if not uri.startswith(SQLITE):
        yield
        return
    file = Path(f"{_database(uri)}.lock")
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield


def silence(uri: str) -> str | None:
    """Return why nothing answers at ``uri`` in five seconds; ``None`` where something does."""
    try:
        urllib.request.urlopen(f"{uri.rstrip('/')}/health", timeout=5.0).close()
    except urllib.error.HTTPError:
        return None  # it answered: whether it lets us in is its own matter
    except (OSError, ValueError) as error:
        return str(getattr(error, "reason", error))
    return None
