"""What a sweep's runs came to, as tables of pandas: a row a run, an evaluation, or a step."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from ..compare.archive import Archive
from ..compare.model import Collection, Trained

CURVES = "curves.parquet"


def runs(collection: Collection) -> pd.DataFrame:
    """Return a row for each run: what competes, rate, seed, how it ended, its figures."""
    columns = [*_of(None), "status", "diverged_at", "final_loss", "best_loss", "accuracy", "steps", "seconds"]
    rows = [
        _of(run)
        | {
            "status": run.status,
            "diverged_at": run.diverged_at,
            "final_loss": _last(run.val_loss.values) if run.status == "FINISHED" else math.nan,
            "best_loss": min((v for v in run.val_loss.values if math.isfinite(v)), default=math.nan),
            "accuracy": _last(run.val_accuracy.values) if run.status == "FINISHED" else math.nan,
            "steps": run.total_steps,
            "seconds": run.seconds,
        }
        for run in collection.runs
    ]
    return pd.DataFrame(rows, columns=columns)


def evaluations(collection: Collection) -> pd.DataFrame:
    """Return a row for each evaluation of each run."""
    tables = []
    for run in collection.runs:
        loss = pd.Series(run.val_loss.values, index=run.val_loss.steps.astype(int), name="val_loss")
        accuracy = pd.Series(run.val_accuracy.values, run.val_accuracy.steps.astype(int), name="val_accuracy")
        table = pd.concat([loss, accuracy] if len(accuracy) else [loss], axis=1)
        tables.append(_before(run, table.rename_axis("step").reset_index()))
    return pd.concat(tables, ignore_index=True)


def steps(archive: Archive, collection: Collection) -> pd.DataFrame:
    """Return a row for each step of each run: all that was recorded, not what a picture needs."""
    tables = [_before(run, archive.table(run.run_id, CURVES)) for run in collection.runs]
    return pd.concat(tables, ignore_index=True)


def _before(run: Trained, table: pd.DataFrame) -> pd.DataFrame:
    for place, (name, value) in enumerate(_of(run).items()):
        table.insert(place, name, value)
    return table


def _of(run: Trained | None) -> dict[str, Any]:
    """Return what says which run it is."""
    return {
        "schedule": run.arm if run else "",
        "peak_lr": run.rate if run else None,
        "seed": run.seed if run else 0,
        "stage": run.stage if run else "",
        "trial": run.trial if run else "",
        "run_id": run.run_id if run else "",
    }


def _last(values: Any) -> float:
    return float(values[-1]) if len(values) else math.nan
