"""From journals to MLflow. The only module that imports mlflow.

``MlflowClient`` with a run id throughout, never the fluent functions: those keep a run for each thread and
report a crashed one as finished.
"""

from __future__ import annotations

import getpass
import logging
import math
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlflow.entities import Metric, Param, RunTag
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from .errors import ConfigError
from .journal import read

POINTS_IN_BATCH = 1000  # MLflow's limit for one call
VALUE_LIMIT = 6000  # and for the text of one parameter

for noisy in ("mlflow", "alembic"):  # schema migrations of a new store, one line each
    logging.getLogger(noisy).setLevel(logging.WARNING)


class Store:
    """An MLflow store that answered, and the experiment that runs go to.

    Args:
        uri: ``sqlite:///file`` (relative to the working directory) or the address of a server.
        experiment: name of the experiment; it is made when it is missing.

    Raises:
        ConfigError: the store cannot be reached or opened, or the experiment was deleted.
    """

    def __init__(self, uri: str, experiment: str) -> None:
        self.given = uri
        self.uri = absolute(uri)
        if self.uri.startswith(("http://", "https://")):
            _refuse_silent_server(self.uri)
        try:
            self.client = MlflowClient(tracking_uri=self.uri)
            known = self.client.get_experiment_by_name(experiment)
            if known is not None and known.lifecycle_stage != "active":
                raise ConfigError(
                    f"tracking.experiment {experiment!r} was deleted; restore it or name another"
                )
            self.experiment_id: str = known.experiment_id if known else self._create(experiment)
        except (MlflowException, OSError) as error:
            reason = str(error).strip().splitlines()[0]
            raise ConfigError(
                f"tracking.uri must be a store MLflow can open, got {uri!r}: {reason}"
            ) from error
        if self.uri.startswith("sqlite:///"):  # readers no longer stop the writer; kept in the file
            with sqlite3.connect(self.uri.removeprefix("sqlite:///")) as database:
                database.execute("PRAGMA journal_mode=WAL")

    def _create(self, experiment: str) -> str:
        """Make the experiment, marked as training, so that MLflow's page opens on runs and charts."""
        kind = {"mlflow.experimentKind": "custom_model_development"}
        return str(self.client.create_experiment(experiment, tags=kind))

    def start(self, name: str, params: Mapping[str, Any], tags: Mapping[str, str]) -> Run:
        """Make a run, RUNNING from now on, with its parameters and tags."""
        made = self.client.create_run(
            self.experiment_id,
            start_time=time.time_ns() // 1_000_000,
            run_name=name,
            tags={"mlflow.user": getpass.getuser(), "mlflow.source.type": "LOCAL"} | dict(tags),
        )
        rows = [Param(key, _text(value)) for key, value in params.items()]
        for start in range(0, len(rows), 100):  # MLflow's limit for one call
            self.client.log_batch(made.info.run_id, params=rows[start : start + 100])
        return Run(self, made.info.run_id)

    def find_url(self, run_id: str) -> str | None:
        """Return the page of a run on a server; a local store has none until a UI is started."""
        if not self.uri.startswith(("http://", "https://")):
            return None
        return f"{self.uri.rstrip('/')}/#/experiments/{self.experiment_id}/runs/{run_id}"


class Run:
    """One MLflow run, and how much of each journal it has been sent."""

    def __init__(self, store: Store, run_id: str) -> None:
        self.store = store
        self.run_id = run_id
        self._client = store.client
        self._sent: dict[Path, int] = {}

    def ship(self, *journals: Path) -> None:
        """Send the journals' rows that were not sent before: a point for each row and column.

        Values that are not finite stay in the journal: MLflow keeps them as 0 or 1e308.
        """
        for path in journals:
            rows = read(path, skip=self._sent.get(path, 0))
            names = [name for name in rows.dtype.names or () if name not in ("step", "time")]
            points = [
                Metric(name, float(row[name]), int(row["time"]), int(row["step"]))
                for row in rows
                for name in names
                if math.isfinite(row[name])
            ]
            for start in range(0, len(points), POINTS_IN_BATCH):
                self._client.log_batch(self.run_id, metrics=points[start : start + POINTS_IN_BATCH])
            self._sent[path] = self._sent.get(path, 0) + len(rows)

    def attach(self, *files: Path) -> None:
        """Store files as artifacts of the run."""
        for file in files:
            self._client.log_artifact(self.run_id, str(file))

    def finish(
        self, status: str, metrics: Mapping[str, float] | None = None, tags: Mapping[str, str] | None = None
    ) -> None:
        """End the run: FINISHED, FAILED or KILLED, with its last figures and tags."""
        now = time.time_ns() // 1_000_000
        points = [Metric(k, v, now, 0) for k, v in (metrics or {}).items() if math.isfinite(v)]
        labels = [RunTag(key, text) for key, text in (tags or {}).items()]
        self._client.log_batch(self.run_id, metrics=points, tags=labels)
        self._client.set_terminated(self.run_id, status=status, end_time=now)


def absolute(uri: str) -> str:
    """Return a ``sqlite:///file`` address with the whole path: it then means one file everywhere."""
    prefix = "sqlite:///"
    return f"{prefix}{Path(uri.removeprefix(prefix)).absolute()}" if uri.startswith(prefix) else uri


def source_tags() -> dict[str, str]:
    """Return what ran: the command, and the git commit of the working directory where there is one."""
    tags = {"mlflow.source.name": " ".join(["python -m runner", *sys.argv[1:]])}
    try:
        commit = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return tags
    return tags | {"mlflow.source.git.commit": commit.stdout.strip()}


def _text(value: Any) -> str:
    text = str(value)
    return text if len(text) <= VALUE_LIMIT else f"{text[: VALUE_LIMIT - 3]}..."


def _refuse_silent_server(uri: str) -> None:
    """Raise unless something answers at ``uri`` within five seconds; MLflow itself would try for minutes."""
    try:
        urllib.request.urlopen(f"{uri.rstrip('/')}/health", timeout=5.0).close()
    except urllib.error.HTTPError:
        return  # it answered: whether it lets us in is its own matter
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        raise ConfigError(f"tracking.uri must be a server that answers, got {uri!r}: {reason}") from error
