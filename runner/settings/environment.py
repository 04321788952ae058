"""The variables that MLflow's users set, and what they mean here."""

from __future__ import annotations

import os

from .address import absolute
from .config import TrackingSettings

STORE, EXPERIMENT = "MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_NAME"
UNUSED = ("MLFLOW_EXPERIMENT_ID", "MLFLOW_RUN_ID")


def forget_empty() -> None:
    """Take out variables that are set to nothing: MLflow counts them as not set."""
    for name in (STORE, EXPERIMENT):
        if not os.environ.get(name, "?").strip():
            del os.environ[name]


def default_tracking() -> TrackingSettings:
    """Return where runs are kept unless the command line says otherwise."""
    plain = TrackingSettings()
    return TrackingSettings(
        uri=os.environ.get(STORE) or plain.uri, experiment=os.environ.get(EXPERIMENT) or plain.experiment
    )


def overruled(uri: str, experiment: str) -> list[str]:
    """Return a line for each variable of MLflow's that is set and not followed.

    Args:
        uri: the store that a run goes to.
        experiment: its experiment.
    """
    lines = []
    for name, used, setting in (
        (STORE, uri, "tracking.uri"),
        (EXPERIMENT, experiment, "tracking.experiment"),
    ):
        said = os.environ.get(name)
        if said and absolute(said) != absolute(used):
            lines.append(f"{name}={said} is not followed: {setting} is {used}")
    for name in UNUSED:
        if os.environ.get(name):
            lines.append(f"{name} is not followed: every run is a new one, in the experiment {experiment}")
    return lines
