"""Hydra's callback: begins a sweep, and notes each job of Hydra's own launchers that failed."""

from __future__ import annotations

import sys
import traceback
from pathlib import Path
from typing import Any

from hydra.core.utils import JobReturn, JobStatus
from hydra.experimental.callback import Callback
from omegaconf import DictConfig, OmegaConf, open_dict

from ..errors import ConfigError, Diverged, ThroughHydra, reason_of
from ..record.directory import RunDirectory
from ..record.result import DIVERGED, FAILED, JobResult
from ..run.lifecycle import say_of_store
from ..settings.config import TrackingSettings
from ..settings.overrides import in_force, parse, without
from ..training import ranks
from .session import SESSION, held_already
from .sweep import MINE, Sweep
from .tags import POOLED


class SweepCallback(Callback):
    """Begins a sweep and notes each job's failure.

    The end is not taken from Hydra: version 1.3 skips its end callback when a job fails or on Ctrl-C.
    """

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        """Begin a sweep. Nothing is written yet: Hydra checks first that every job composes."""
        try:
            _begin(config)
        except ConfigError as error:
            raise ThroughHydra(error) from error

    def on_job_end(self, config: DictConfig, job_return: JobReturn, **kwargs: Any) -> None:
        """Note a failed job, and say so at once."""
        if SESSION.sweep is None or job_return.status is not JobStatus.FAILED:
            return
        error = job_return._return_value
        name = " ".join(job_return.overrides or [])
        has_diverged = isinstance(error, Diverged)
        step = error.step if has_diverged else None
        state = DIVERGED if has_diverged else FAILED
        SESSION.sweep.note(JobResult(name, state, reason=reason_of(error), diverged_at=step))
        print(f"job {config.hydra.job.num} ({name}) failed: {error}", file=sys.stderr)
        if not isinstance(error, (ConfigError, Diverged)):
            traceback.print_exception(error)


def _begin(config: DictConfig) -> None:
    if ranks.is_together():
        raise ConfigError("a sweep must run without torchrun; start torchrun for each of its jobs")
    launcher = str(OmegaConf.select(config, "hydra.runtime.choices")["hydra/launcher"])
    for name in ("plan", "resume"):
        if config.sweep[name] and launcher not in POOLED:
            raise ConfigError(f"sweep.{name} needs hydra/launcher={' or '.join(POOLED)}, got {launcher}")
    directory = RunDirectory(Path(str(config.hydra.sweep.dir)))
    if directory.order_file.exists() and not config.sweep.resume:
        raise held_already(directory.path)
    say_of_store(config.tracking.uri, config.tracking.experiment)
    params = OmegaConf.select(config, "hydra.sweeper.params") or {}
    counting = in_force([*(f"{key}={value}" for key, value in params.items()), *config.hydra.overrides.task])
    title = " ".join(without(counting, "sweep", "tracking"))
    swept = [each for each in parse(counting) if each.is_sweep_override()]
    sweep = SESSION.enter(
        Sweep(
            title or "of one job",
            directory,
            varied={each.key_or_group for each in swept},
            searched={each.key_or_group for each in swept if not each.is_discrete_sweep()},
            launcher=launcher,
            arguments=without(
                [*counting, *config.hydra.overrides.hydra], "sweep", "hydra.sweep", "hydra.run"
            ),
        )
    )
    if launcher not in MINE:
        _begin_for_others(config, sweep)


def _begin_for_others(config: DictConfig, sweep: Sweep) -> None:
    """Make the parent run now: the processes of other launchers find it in the sweep's folder."""
    settings = TrackingSettings(**config.tracking)
    sweep.directory.path.mkdir(parents=True, exist_ok=True)
    sweep.begin(settings, SESSION.messenger(settings.patience))
    with open_dict(config):
        config.hydra.sweep.dir = str(sweep.directory.path)
        config.hydra.overrides.hydra.append(f"hydra.sweep.dir={sweep.directory.path}")
