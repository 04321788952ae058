"""An MLflow store as a comparison needs it: sweeps read fast, a report added to one.

``MlflowClient`` with a run id throughout, as in :mod:`runner.store`.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
from mlflow.entities import Metric
from mlflow.entities import Run as Run
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient
from mlflow.utils.rest_utils import http_request_safe
from numpy.typing import NDArray

from ..errors import ConfigError, reason_of
from ..record import keys
from ..record.directory import now
from ..settings.address import SQLITE, refuse_other_files
from ..tracking.store import unreachable_reason
from ..tracking.uploader import clean_environment
from .model import Curve

CHILD = "tags.`mlflow.parentRunId`"
RUNS_IN_PAGE = 1000
RUNS_IN_REQUEST = 60  # a request's line stays below 4 kB, the limit of common proxies; MLflow's is 100 runs
MOST_POINTS = 2500  # MLflow's limit for one run
EMPTY = Curve(np.empty(0), np.empty(0))


class Archive:
    """An MLflow store that answered.

    Args:
        uri: ``sqlite:///file``, the address of a server, or any other store that MLflow knows.

    Raises:
        ConfigError: the store cannot be reached or opened, or is a file that is not there.
    """

    def __init__(self, uri: str) -> None:
        self.uri = uri
        clean_environment()
        os.environ["MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR"] = "false"
        self._is_server = uri.startswith(("http://", "https://"))
        if self._is_server and (reason := unreachable_reason(uri)) is not None:
            raise ConfigError(f"uri must be a server that answers, got {uri!r}: {reason}")
        if uri.startswith(SQLITE) and not Path(uri.removeprefix(SQLITE).partition("?")[0]).is_file():
            raise ConfigError(f"uri must be a store that is there, got {uri!r}")
        refuse_other_files(uri, "uri")
        with self._asked():
            self._client = MlflowClient(tracking_uri=uri)

    @contextmanager
    def _asked(self) -> Iterator[None]:
        try:
            yield
        except (MlflowException, OSError) as error:
            raise ConfigError(
                f"uri must be a store MLflow can use, got {self.uri!r}: {reason_of(error)}"
            ) from error

    def experiments(self) -> dict[str, str]:
        """Return the id of each experiment by its name."""
        with self._asked():
            return {e.name: str(e.experiment_id) for e in self._client.search_experiments()}

    def was_deleted(self, experiment: str) -> bool:
        """Whether there is an experiment of that name among MLflow's deleted ones."""
        with self._asked():
            found = self._client.get_experiment_by_name(experiment)
        return found is not None and found.lifecycle_stage != "active"

    def run(self, run_id: str) -> Run | None:
        """Return the run, from whatever experiment; ``None`` where there is none or it was deleted."""
        with suppress(MlflowException):
            run = self._client.get_run(run_id)
            return run if run.info.lifecycle_stage == "active" else None
        return None

    def search(self, experiment_id: str, condition: str, order: str, most: int | None = None) -> list[Run]:
        """Return the runs that meet a condition in MLflow's words, at most so many, in this order."""
        found: list[Run] = []
        token: str | None = None
        with self._asked():
            while most is None or len(found) < most:
                size = RUNS_IN_PAGE if most is None else min(RUNS_IN_PAGE, most - len(found))
                page = self._client.search_runs(
                    [experiment_id], condition, max_results=size, order_by=[order], page_token=token
                )
                found += page
                token = page.token
                if not token:
                    break
        return found

    def curves(
        self, run_ids: list[str], key: str, points: int = MOST_POINTS, only_step: int | None = None
    ) -> dict[str, Curve]:
        """Return a metric's curve for each run that has it, thinned evenly to ``points`` by the store.

        One request for many runs: MLflow's client would make at least one for each of them.
        """
        found: dict[str, list[tuple[float, float]]] = {}
        with self._asked():
            for start in range(0, len(run_ids), RUNS_IN_REQUEST):
                some = run_ids[start : start + RUNS_IN_REQUEST]
                for run_id, step, value in self._points(some, key, points, only_step):
                    found.setdefault(run_id, []).append((step, value))
        return {run_id: _curve(rows) for run_id, rows in found.items()}

    def _points(
        self, run_ids: list[str], key: str, points: int, only_step: int | None
    ) -> Iterator[tuple[str, float, float]]:
        store: Any = self._client._tracking_client.store
        if not self._is_server:
            for point in store.get_metric_history_bulk_interval(run_ids, key, points, only_step, only_step):
                yield point.run_id, point.step, point.value
            return
        asked: dict[str, Any] = {"run_ids": run_ids, "metric_key": key, "max_results": points}
        if only_step is not None:
            asked |= {"start_step": only_step, "end_step": only_step}
        address = "/api/2.0/mlflow/metrics/get-history-bulk-interval"
        answer = http_request_safe(store.get_host_creds(), address, "GET", params=asked)
        for row in answer.json().get("metrics", []):  # protobuf's JSON leaves out what is 0
            yield row["run_id"], float(row.get("step", 0)), float(row.get("value", 0.0))

    def document(self, run_id: str, name: str) -> dict[str, Any]:
        """Return a JSON artifact of a run; empty where the run has none."""
        with suppress(MlflowException, OSError, ValueError), tempfile.TemporaryDirectory() as folder:
            held = json.loads(Path(self._client.download_artifacts(run_id, name, folder)).read_text())
            return held if isinstance(held, dict) else {}
        return {}

    def array(self, run_id: str, name: str) -> NDArray[np.float64] | None:
        """Return a NumPy artifact of one dimension; ``None`` where the run has none."""
        with suppress(MlflowException, OSError, ValueError), tempfile.TemporaryDirectory() as folder:
            held = np.load(self._client.download_artifacts(run_id, name, folder))
            return np.asarray(held, np.float64) if held.ndim == 1 else None
        return None

    def table(self, run_id: str, name: str) -> Any:
        """Return a Parquet artifact of a run as a table of pandas; empty where the run has none."""
        import pandas

        with suppress(MlflowException, OSError), tempfile.TemporaryDirectory() as folder:
            return pandas.read_parquet(self._client.download_artifacts(run_id, name, folder))
        return pandas.DataFrame()

    def add_files(self, run_id: str, files: Iterable[Path], place: str) -> None:
        """Add files to a run's artifacts, below ``place``."""
        with self._asked():
            for file in files:
                self._client.log_artifact(run_id, str(file), place)

    def describe(self, run_id: str, text: str) -> None:
        """Replace a run's description [markdown]."""
        with self._asked():
            self._client.set_tag(run_id, keys.NOTE, text)

    def add_figures(self, run_id: str, figures: dict[str, float]) -> None:
        """Add figures to a run that has ended; MLflow's tables show the newest of each."""
        with self._asked():
            points = [Metric(key, value, now(), 0) for key, value in figures.items()]
            self._client.log_batch(run_id, metrics=points, synchronous=True)


def is_id(text: str) -> bool:
    """Whether a text may be the beginning of a run's id."""
    return re.fullmatch(r"[0-9a-f]{4,32}", text) is not None


def _curve(rows: list[tuple[float, float]]) -> Curve:
    table = np.array(sorted(rows), dtype=np.float64)
    return Curve(table[:, 0], table[:, 1])
