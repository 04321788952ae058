"""Start a run: from composed settings to a trained model, MLflow's run included."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig

from .. import console
from ..record import keys
from ..record.directory import RunDirectory
from ..record.result import JobResult
from ..settings.config import RunSettings, flat
from ..settings.overrides import in_force
from ..tracking.courier import Messenger
from .artifacts import write_artifacts, write_budget
from .context import Context
from .lifecycle import announce, say_of_store
from .naming import experiment_name, peak_rate, run_name, schedule_name

if TYPE_CHECKING:
    from ..training.experiment import Experiment


def start(
    cfg: DictConfig,
    settings: RunSettings,
    directory: RunDirectory,
    overridden: list[str],
    context: Context,
    messenger: Messenger,
    *,
    tags: dict[str, str] | None = None,
    more_artifacts: Callable[[Path], None] = lambda folder: None,
) -> JobResult:
    """Train what the settings ask for; return how it ended.

    Args:
        cfg: the composed config.
        settings: the same, checked.
        directory: where the run's files go.
        overridden: overrides of the command line.
        context: what this process offers to its runs.
        messenger: delivers the run.
        tags: more labels of the run in MLflow.
        more_artifacts: writes further files into the folder of the run's artifacts.

    Raises:
        ConfigError: before anything starts, and before MLflow has a run.
        Diverged: the loss is not finite; the run is FAILED and holds every step so far.
        Interrupted: a signal; the run is KILLED and holds every step so far.
    """
    from ..training import lint  # imports torch, while the messenger's process imports mlflow
    from .perform import perform

    if context.above is None:
        say_of_store(settings.tracking.uri, settings.tracking.experiment)
    experiment = context.trainer.build(settings)
    console.warn(lint.lint(experiment.plan, experiment.total_steps))
    console.warn(lint.trainer_lint(settings.trainer, experiment))
    write_budget(cfg, settings.trainer)
    write_artifacts(cfg, experiment, directory, context.origin)
    more_artifacts(directory.artifacts)
    varied = context.above.varied if context.above is not None else frozenset[str]()
    lock, _ = announce(
        settings.tracking,
        directory,
        context,
        messenger,
        name=run_name(settings, overridden, varied),
        params=_params(settings, experiment),
        tags=_tags(settings, experiment, overridden, context) | (tags or {}),
        plan=experiment.specs(),
        total_steps=experiment.total_steps,
    )
    return perform(settings, experiment, directory, context, messenger, lock)


def _params(settings: RunSettings, experiment: Experiment) -> dict[str, Any]:
    """Return the settings of the run, flat, with the budget in steps and the size of the model."""
    nodes = dataclasses.asdict(settings)
    params = flat({key: value for key, value in nodes.items() if key not in ("tracking", "sweep")})
    if (peak := peak_rate(settings)) is not None:
        params["peak_lr"] = peak
    return params | {
        "processes": experiment.ranks.count,
        "total_steps": experiment.total_steps,
        "steps_per_epoch": experiment.batches.steps_per_epoch,
        "parameters": sum(p.numel() for p in experiment.model.parameters()),
    }


def _tags(
    settings: RunSettings, experiment: Experiment, overridden: list[str], context: Context
) -> dict[str, str]:
    tags = {f"plan.{name}": repr(schedule) for name, schedule in experiment.plan.items()}
    if context.above is not None:
        tags["sweep"] = context.above.title
    if settings.sweep.stage:
        tags[keys.SWEEP_STAGE] = settings.sweep.stage
    if (recipe := experiment_name(overridden)) is not None:
        tags["experiment"] = recipe
    tags[keys.ARGUMENTS] = json.dumps(in_force(overridden))
    return tags | {"schedule": schedule_name(settings, overridden)}
