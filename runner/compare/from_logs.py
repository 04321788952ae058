"""Runs trained elsewhere as a :class:`Collection`: their logs, grouped and numbered by patterns."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..errors import ConfigError
from ..logs import columns, find
from ..logs.log import Log, Series
from ..words import listed, many
from .findings import Findings
from .model import Collection, Curve, Trained

NAME = "logs"
NO_SEED = (
    "The logs name no seed, so no p-value is given: a gap between single runs may be chance. "
    "--seed takes the pattern of the seed in a log's name."
)


@dataclasses.dataclass(frozen=True)
class Patterns:
    """How the names of logs are read, and what their figures are called.

    Attributes:
        group: regular expression whose match, or first group, names the schedule.
        seed: likewise, for the seed.
        step: the column of steps in tables.
        rate: the figure that is the rate.
        loss: the figure that is the loss to compare.
    """

    group: str | None = None
    seed: str | None = None
    step: str | None = None
    rate: str | None = None
    loss: str | None = None


def collect(paths: Sequence[str], patterns: Patterns) -> tuple[Collection, bool]:
    """Return the runs that the logs hold, and whether they have seeds.

    A run's schedule is what the pattern of the group finds in its log's name, else what the log says, else
    the name itself without its ending and its seed.

    Args:
        paths: files and folders of logs.
        patterns: how names are read.

    Raises:
        ConfigError: a pattern is no regular expression or misses a name; a log lacks a loss.
    """
    logs = [log for path in paths for log in find.read(Path(path), patterns.step)]
    seeds = [_seed(log, patterns.seed) for log in logs]
    arms = [_arm(log, patterns) for log in logs]
    seeded = all(seed is not None for seed in seeds)
    runs: list[Trained] = []
    for log, arm, seed in zip(logs, arms, seeds, strict=True):
        run = _trained(log, arm, seed or 0, patterns)
        if not seeded:
            alike = sum((other.arm, other.rate) == (run.arm, run.rate) for other in runs)
            run = dataclasses.replace(run, seed=alike)
        runs.append(run)
    name = f"{many(len(runs), 'log')} of {listed([Path(path).name for path in paths[:3]])}"
    name += ", ..." if len(paths) > 3 else ""
    collection = Collection(run_id=NAME, name=name, uri="", experiment_id="", started=0, tags={}, runs=runs)
    return collection, seeded


def judged(findings: Findings, seeded: bool) -> Findings:
    """Return findings without what logs cannot give: commands to run next and, without seeds, p-values."""
    if seeded:
        return dataclasses.replace(findings, advice=[])
    unknown = [dataclasses.replace(d, p=math.nan) for d in findings.differences]
    return dataclasses.replace(
        findings, advice=[], differences=unknown, anomalies=[NO_SEED, *findings.anomalies]
    )


def _trained(log: Log, arm: str, seed: int, patterns: Patterns) -> Trained:
    title, loss = columns.loss_of(log, patterns.loss)
    training = next((log.series[key] for key in columns.TRAINING if key in log.series and key != title), None)
    try:
        rate = columns.rate_of(log, patterns.rate)
    except ConfigError:
        if patterns.rate is not None:
            raise
        rate = None  # the losses can be compared without it
    finite = bool(len(loss.values)) and bool(np.isfinite(loss.values[-1]))
    ends = [int(series.steps[-1]) for series in log.series.values() if len(series.steps)]
    return Trained(
        run_id=log.name,
        name=log.name,
        status="RUNNING" if log.running else "FINISHED",
        arm=arm,
        rate=float(f"{np.nanmax(rate.values):.4g}") if rate is not None and len(rate.values) else None,
        seed=seed,
        total_steps=log.total_steps or max(ends, default=0),
        seconds=0.0,
        val_loss=_curve(loss),
        val_accuracy=_curve(None),
        loss=_curve(training),
        lr=_curve(rate),
        diverged_at=None if finite or not len(loss.steps) else int(loss.steps[-1]),
    )


def _curve(series: Series | None) -> Curve:
    return Curve(series.steps, series.values) if series is not None else Curve(np.empty(0), np.empty(0))


def _arm(log: Log, patterns: Patterns) -> str:
    if patterns.group is not None:
        return _found(log.name, patterns.group, "group")
    if log.settings.get("schedule"):
        return log.settings["schedule"]
    name = re.sub(r"\.(csv|parquet|wandb|json)$", "", log.name)
    if patterns.seed is not None:
        name = re.sub(patterns.seed, "", name)
    return re.sub(r"[-_./ ]+$", "", name) or log.name


def _seed(log: Log, pattern: str | None) -> int | None:
    text = _found(log.name, pattern, "seed") if pattern is not None else log.settings.get("seed", "")
    digits = re.search(r"\d+", text)
    if digits is None and pattern is not None:
        raise ConfigError(
            f"seed must be a pattern that finds a number, got {pattern!r}, {text!r} of {log.name}"
        )
    return int(digits.group()) if digits else None


def _found(name: str, pattern: str, what: str) -> str:
    try:
        match = re.search(pattern, name)
    except re.error as error:
        raise ConfigError(f"{what} must be a regular expression, got {pattern!r}: {error}") from None
    if match is None:
        raise ConfigError(
            f"{what} must be a pattern that every log's name has, got {pattern!r}, not in {name!r}"
        )
    return match.group(1) if match.re.groups else match.group()
