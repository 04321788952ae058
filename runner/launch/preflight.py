"""Look at every job of a sweep before any starts: is it possible, how long is it, which are the same."""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import dataclass, field, replace
from typing import Any

from omegaconf import DictConfig, OmegaConf

import schedules

from ..errors import ConfigError
from ..range_test.ramp import first_ramp
from ..settings.config import AUTO, buildable, deciding, flat, load
from ..training.build import build
from ..training.experiment import Experiment
from ..training.lint import LONGEST_LINT, lint

TIMED_SECONDS = 1.0
TIMED_STEPS = 100


@dataclass(frozen=True)
class Checked:
    """What is known of a job before it starts.

    Attributes:
        error: why it cannot run; empty when it can.
        total_steps: updates.
        points: that go to MLflow.
        curves: hash of the values that its plan comes to and of all its other settings.
        plan: its schedules as specs.
        findings: what looks unintended.
        seconds: that its training should take, from some steps that were timed; ``None`` where none were.
    """

    error: str = ""
    total_steps: int = 0
    points: int = 0
    curves: str = ""
    plan: dict[str, Any] = field(default_factory=dict)
    findings: list[str] = field(default_factory=list)
    seconds: float | None = None


def check(configs: list[str], overrides: list[list[str]], timed: bool) -> list[Checked]:
    """Build every job, but for jobs that differ in their seed alone only the first; train none.

    Args:
        configs: composed configs, as YAML.
        overrides: of the command line, for each.
        timed: train some steps of one job of each kind, to say how long the sweep will take.
    """
    known: dict[str, Checked] = {}
    step_seconds: dict[str, float] = {}
    results = []
    for config, given in zip(configs, overrides, strict=True):
        cfg = OmegaConf.create(config)
        assert isinstance(cfg, DictConfig)
        plain: Any = OmegaConf.to_container(cfg)
        seed = plain.pop("seed", 0)
        key = json.dumps(plain, sort_keys=True, default=str)
        if key not in known:
            known[key] = _checked(cfg, given, step_seconds if timed else None)
        curves = hashlib.sha256(f"{known[key].curves} {seed}".encode()).hexdigest()
        results.append(replace(known[key], curves=curves))
    return results


def _checked(cfg: DictConfig, overrides: list[str], step_seconds: dict[str, float] | None) -> Checked:
    try:
        settings = load(cfg, overrides)
        if settings.task:
            experiment, findings = first_ramp(settings), []
        else:
            experiment = build(buildable(cfg, overrides))
            findings = lint(experiment.plan, experiment.total_steps)
    except ConfigError as error:
        return Checked(error=str(error))
    steps = experiment.total_steps
    every = settings.tracking.every
    evaluations = -(-steps // experiment.batches.steps_per_epoch)
    seconds = None
    if step_seconds is not None:
        kind = json.dumps([settings.model, settings.dataset, settings.trainer.batch_size], default=str)
        if kind not in step_seconds:
            step_seconds[kind] = _time(experiment)
        seconds = steps * step_seconds[kind]
    return Checked(
        total_steps=steps,
        points=-(-steps // every) * (len(list(experiment.plan)) + 1) + 2 * evaluations,
        curves=_curves(cfg, experiment),
        plan=experiment.specs(),
        findings=findings,
        seconds=seconds,
    )


def _curves(cfg: DictConfig, experiment: Experiment) -> str:
    """Hash the values that the optimizer gets at each step, and every setting but the schedule's own."""
    rest = {
        key: value
        for key, value in deciding(flat(OmegaConf.to_container(cfg, resolve=True))).items()
        if not key.startswith("schedule.") and (key not in ("seed", "optimizer.lr") or value == AUTO)
    }
    digest = hashlib.sha256(json.dumps(rest, sort_keys=True, default=str).encode())
    for name, schedule in sorted(experiment.plan.items()):
        digest.update(name.encode())
        if experiment.total_steps <= LONGEST_LINT:
            digest.update(schedules.values(schedule, experiment.total_steps).tobytes())
        else:  # too long to be looked at step by step
            digest.update(schedules.fingerprint(schedule).encode())
    return digest.hexdigest()


def _time(experiment: Experiment) -> float:
    """Return the seconds that a step takes, from a second's worth of them; the model is thrown away."""
    began, done = time.perf_counter(), 0
    for step in range(min(TIMED_STEPS, experiment.total_steps)):
        experiment.write(step)
        inputs, targets = experiment.batches(step)
        loss, *_ = experiment.update(inputs, targets)
        if step == 0:  # the first step makes what the others use
            began = time.perf_counter()
            continue
        done += 1
        if time.perf_counter() - began > TIMED_SECONDS:
            break
    float(loss)  # waits for the device
    return (time.perf_counter() - began) / max(1, done)
