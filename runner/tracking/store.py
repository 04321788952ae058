"""An MLflow store: open it, make runs in it, find those that went silent.

``MlflowClient`` with a run id throughout, never the fluent functions: those keep a run for each thread and
report a crashed one as finished.
"""

from __future__ import annotations

import fcntl
import functools
import logging
import re
import sqlite3
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

from mlflow.entities import Param, Run
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient
from mlflow.utils.credentials import get_default_host_creds
from mlflow.utils.rest_utils import http_request
from mlflow.version import VERSION

from ..errors import ConfigError, reason_of
from ..record import keys
from ..record.directory import Order, now
from ..settings.address import SQLITE, refuse_other_files
from .access import refusal
from .moved import FOLDER
from .view import VERSIONS

PARAMS_IN_BATCH = 100  # MLflow's limit for one call
TEXT_LIMIT = 5000  # of a parameter or a tag; MLflow's own limits are 6000 and 8000
ANSWERS_WITHIN = 5.0  # seconds
UID = "runner.uid"
HEARTBEAT = "runner.heartbeat"

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
        if uri.startswith(("http://", "https://")) and (reason := unreachable_reason(uri)) is not None:
            raise ConfigError(
                f"tracking.uri must be a server that answers, got {uri!r}: {reason}; "
                "tracking.offline=true trains all the same, and sends when it does"
            )
        refuse_other_files(uri, "tracking.uri")
        try:
            with _one_at_a_time(uri):
                self.client = MlflowClient(tracking_uri=uri)
                self.experiment_id = self._find(experiment)
                if uri.startswith(SQLITE):
                    _let_readers_and_writers_work_together(_database(uri))
        except (MlflowException, OSError, sqlite3.Error) as error:
            raise refusal(error, uri, experiment) or ConfigError(
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
        tags = order.tags | {UID: order.uid} | ({keys.PARENT: parent_id} if parent_id else {})
        try:
            created = self.client.create_run(
                self.experiment_id, start_time=order.started, run_name=order.name, tags=texts(tags)
            )
        except MlflowException as error:
            raise refusal(error, self.uri, order.experiment) or error from error
        run_id = str(created.info.run_id)
        try:
            self._log_params(run_id, order.params)
        except BaseException:
            with suppress(MlflowException):  # refused as a whole: no half a run is left
                self.client.delete_run(run_id)
            raise
        return run_id

    def _log_params(self, run_id: str, params: dict[str, Any]) -> None:
        rows = [Param(key, text) for key, text in texts(params).items()]
        for start in range(0, len(rows), PARAMS_IN_BATCH):
            self.client.log_batch(run_id, params=rows[start : start + PARAMS_IN_BATCH], synchronous=True)

    def silent(self, seconds: float) -> list[Run]:
        """Return the runs that MLflow has as RUNNING though their heartbeat stopped so long ago."""
        silent: list[Run] = []
        token = None
        while True:
            page = self.client.search_runs(
                [self.experiment_id],
                filter_string=f"attributes.status = 'RUNNING' and tags.`{UID}` LIKE '%'",
                page_token=token,
            )
            silent += [run for run in page if now() - last_beat(run) > 1000 * seconds]
            token = page.token
            if not token:
                return silent

    def close(self, run: Run, reason: str) -> None:
        """End a silent run as KILLED, at its last heartbeat; one that lives after all opens itself again."""
        run_id = run.info.run_id
        for key, text in {"reason": reason, "closed.by": "doctor"}.items():
            self.client.set_tag(run_id, key, text)
        self.client.set_terminated(run_id, status="KILLED", end_time=last_beat(run))


@functools.cache
def store(uri: str, experiment: str) -> Store:
    """Return the store at ``uri``, opened once for all the runs that a process delivers."""
    return Store(uri, experiment)


def last_beat(run: Run) -> int:
    """Return the time of the uploader's last heartbeat for a run; before the first, the run's start [ms]."""
    return int(run.data.tags.get(HEARTBEAT, run.info.start_time))


def texts(items: dict[str, Any]) -> dict[str, str]:
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
    return (_database(uri).absolute().parent / FOLDER).as_uri() if uri.startswith(SQLITE) else None


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
    with file.open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def unreachable_reason(uri: str) -> str | None:
    """Return why nothing answers at ``uri`` in five seconds; ``None`` where something does.

    MLflow's own client would try for minutes.
    """
    try:
        urllib.request.urlopen(f"{uri.rstrip('/')}/health", timeout=5.0).close()
    except urllib.error.HTTPError:
        return None  # it answered: whether it lets us in is its own matter
    except (OSError, ValueError) as error:
        return str(getattr(error, "reason", error))
    return None


def shows_views(uri: str) -> bool:
    """Whether the MLflow that shows the store knows the form of :mod:`runner.tracking.view`."""
    if not uri.startswith(("http://", "https://")):
        return VERSION.startswith(VERSIONS)
    try:
        answer = http_request(get_default_host_creds(uri), "/version", "GET", timeout=ANSWERS_WITHIN)
    except (MlflowException, OSError):
        return False
    return answer.status_code == 200 and str(answer.text).startswith(VERSIONS)
