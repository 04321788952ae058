"""A page of MLflow that opens on the right charts: a sweep's jobs in groups, with rate, momentum and losses.

MLflow keeps what its "Share" button shares as a tag of the experiment, and opens it by a key in the address.
A sweep writes such a tag, with its own id for a key; all single runs share one. The form is that of the
versions in ``VERSIONS``; a server of another version gets none, and the plain address is printed.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from ..record import keys

TAG = "mlflow.sharedViewState."
RUNS = "runs"
"""Key of the view of the newest runs."""
VERSIONS = ("3.17.",)
CHARTS = (keys.VAL_LOSS, "loss", "lr", "momentum")
SECTION = "schedules"


def address(page: str, experiment_id: str, key: str) -> str:
    """Return where MLflow's page at ``page`` shows the view of that key."""
    asked = {
        "workflowType": "machine_learning",
        "viewStateShareKey": key,
        "compareRunsMode": "CHART",
    }
    return f"{page}/#/experiments/{experiment_id}/runs?{urlencode(asked)}"


def run_address(page: str, experiment_id: str, run_id: str) -> str:
    """Return where MLflow's page at ``page`` shows one run."""
    return f"{page}/#/experiments/{experiment_id}/runs/{run_id}"


def of_sweep(parent_id: str, varied: Sequence[str], *, is_final: bool = False) -> str:
    """Return the view of a sweep's jobs, a line for each group of them.

    Args:
        parent_id: the sweep's run.
        varied: the settings that it varies.
        is_final: whether to show the runs of fresh seeds alone: each schedule then has one rate.
    """
    final = f" and tags.`{keys.SWEEP_STAGE}` = 'final'" if is_final else ""
    apart = ["schedule"] if is_final else ["schedule", *(key for key in varied if key != "schedule")]
    groups = [_group(key) for key in apart if key not in ("seed", "schedule.lr.name", "schedule.lr")]
    return _view(
        {
            "searchFilter": f"tags.`{keys.PARENT}` = '{parent_id}'{final}",
            "orderByKey": f"metrics.`{keys.FINAL_VAL_LOSS}`",
            "orderByAsc": True,
            "runsHiddenMode": "SHOW_ALL",
            "groupBy": {"aggregateFunction": "average", "groupByKeys": groups},
        }
    )


def of_runs() -> str:
    """Return the view of an experiment's runs, the newest first, a line for each of ten."""
    return _view(
        {
            "searchFilter": "",
            "orderByKey": "attributes.start_time",
            "orderByAsc": False,
            "runsHiddenMode": "FIRST_10_RUNS",
            "groupBy": None,
        }
    )


def _view(which: dict[str, Any]) -> str:
    """Return the charts of some runs, as MLflow writes it."""
    section = {"uuid": SECTION, "name": "Schedules", "display": True, "isReordered": True, "deleted": False}
    view = which | {
        "startTime": "ALL",
        "lifecycleFilter": "Active",
        "datasetsFilter": [],
        "modelVersionFilter": "All Runs",
        "selectedColumns": [f"metrics.`{keys.FINAL_VAL_LOSS}`", "params.`optimizer.lr`", "tags.`schedule`"],
        "runsExpanded": {},
        "runsPinned": [],
        "runsHidden": [],
        "useGroupedValuesInCharts": True,
        "hideEmptyCharts": True,
        "autoRefreshEnabled": False,
        "isAccordionReordered": True,
        "compareRunCharts": [_chart(metric) for metric in CHARTS],
        "compareRunSections": [section | {"isGenerated": False, "columns": 2, "cardHeight": 360}],
    }
    return json.dumps(view, separators=(",", ":"))


def _group(key: str) -> dict[str, str]:
    """Return by what runs are put together: a tag, or the parameter of a setting."""
    if key == "schedule":
        return {"mode": "tag", "groupByData": key}
    is_a_group = key in ("model", "dataset", "optimizer", "task")
    return {"mode": "param", "groupByData": f"{key}.name" if is_a_group else key}


def _chart(metric: str) -> dict[str, Any]:
    return {
        "uuid": f"{SECTION}-{metric}",
        "type": "LINE",
        "runsCountToCompare": 100,
        "metricSectionId": SECTION,
        "deleted": False,
        "isGenerated": False,
        "metricKey": metric,
        "selectedMetricKeys": [metric],
        "lineSmoothness": 0,
        "scaleType": "linear",
        "xAxisScaleType": "linear",
        "xAxisKey": "step",
        "selectedXAxisMetricKey": "",
        "yAxisKey": "metric",
        "yAxisExpressions": [],
        "range": {},
        "ignoreOutliers": False,
        "useGlobalXaxisKey": True,
        "useGlobalLineSmoothing": True,
        "displayName": metric,
    }
