"""The runs of an MLflow store as logs."""

from __future__ import annotations

from typing import Any

from ..compare.archive import CHILD, Archive, Run
from ..compare.reader import OLDEST, find
from ..errors import ConfigError
from ..logs.log import Log, Series
from ..logs.run_folder import epochs_of
from ..record import keys
from ..settings.address import absolute
from ..settings.environment import default_tracking

KEYS = (keys.VAL_LOSS, "loss", "lr")


def stored(which: str, uri: str | None, experiment: str | None) -> list[Log]:
    """Return the runs of a sweep in MLflow, or the one run, as logs.

    Raises:
        ConfigError: there is no such file, folder, run or sweep.
    """
    defaults = default_tracking()
    try:
        archive = Archive(absolute(uri or defaults.uri))
        run = find(archive, experiment or defaults.experiment, which)
    except ConfigError as error:
        raise ConfigError(
            f"FROM must be a file or folder of logs, or a run or sweep in MLflow, got {which!r}: {error}"
        ) from None
    children = archive.search(run.info.experiment_id, f"{CHILD} = '{run.info.run_id}'", OLDEST)
    return of_runs(archive, children or [run])


def of_runs(archive: Archive, runs: list[Run]) -> list[Log]:
    """Return runs of an MLflow store as logs; those without a loss are left out."""
    ids = [run.info.run_id for run in runs]
    found = {key: archive.curves(ids, key) for key in KEYS}
    logs = []
    for run in runs:
        run_id, params = run.info.run_id, keys.in_force(run.data.params, run.data.tags)
        series = {
            k: Series(held[run_id].steps, held[run_id].values) for k, held in found.items() if run_id in held
        }
        if not {keys.VAL_LOSS, "loss"} & series.keys() or keys.DIVERGED_STEP in run.data.tags:
            continue
        plan: dict[str, Any] = archive.document(run_id, "plan.json").get("lr") or {}
        logs.append(
            Log(
                run.info.run_name,
                "MLflow",
                series,
                int(run.data.tags.get(keys.TOTAL_STEPS) or params.get("total_steps", 0)),
                epochs_of(params),
                plan,
                params | {"schedule": run.data.tags.get("schedule", "")},
                running=run.info.status in ("RUNNING", "SCHEDULED"),
            )
        )
    return logs
