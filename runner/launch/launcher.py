"""``hydra/launcher=local`` and ``ray``: Hydra's doors to the pools that a sweep's jobs run in."""

from __future__ import annotations

import math
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
from ..settings.config import SweepSettings, TrackingSettings, made
from ..settings.overrides import key_of, parse_one
from ..sweep import sweep

if TYPE_CHECKING:
    from .jobs import Jobs, Wanted
    from .pool import Places


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
    slots: int | None = None
    devices: list[str] = field(default_factory=list)
    timeout: float | None = None
    retries: int = 1


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
    cpus: float | None = None
    gpus: float = 0.0
    timeout: float | None = None
    retries: int = 3


class PooledLauncher(Launcher):
    """Runs the jobs of a sweep in a pool: each in a process of its own, with a manifest of all.

    Args:
        timeout: stop a job after so long [seconds, > 0]; ``None``: never.
        retries: start a job again, from its checkpoint, when its process was killed [>= 0].
    """

    def __init__(self, timeout: float | None, retries: int) -> None:
        if timeout is not None and not timeout > 0:
            raise ConfigError(f"hydra.launcher.timeout must be > 0 seconds, got {timeout}")
        if retries < 0:
            raise ConfigError(f"hydra.launcher.retries must be a whole number >= 0, got {retries}")
        self._timeout, self._retries = timeout, retries
        self._jobs: Jobs | None = None
        self._config: Any = None
        self._context: Any = None

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Take what Hydra composed for the sweep as a whole."""
        self._context, self._config = hydra_context, config

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        """Run jobs; return how each ended, in order. Called again, it adds jobs to the same sweep."""
        from .jobs import Jobs

        if self._jobs is None:
            assert sweep.current is not None
            tracking = made(TrackingSettings, self._config.tracking, "tracking")
            settings = made(SweepSettings, self._config.sweep, "sweep")
            pool = self._pool(sweep.current.directory.path)
            self._jobs = Jobs(sweep.current, pool, self._retries, tracking, settings)
        return [_returned(outcome) for outcome in self._jobs.run(self._wanted(job_overrides))]

    def _pool(self, folder: Path) -> Places:
        """Return where the jobs of the sweep in this folder run."""
        raise NotImplementedError

    def _threads(self) -> int | None:
        threads: int | None = OmegaConf.select(self._config, "trainer.threads")
        return threads

    def _preload(self) -> list[str]:
        """Return what the jobs import late: it is imported once, in the process that they are forked from."""
        slow = {"digits": ["sklearn.datasets"]}
        return [*slow.get(str(OmegaConf.select(self._config, "dataset.name")), []), *self._config.plugins]

    def _wanted(self, job_overrides: Sequence[Sequence[str]]) -> list[Wanted]:
        """Compose the jobs; those that differ in nothing but the seed are composed once."""
        from .jobs import Wanted

        composed: dict[tuple[str, ...], DictConfig] = {}
        wanted = []
        for overrides in job_overrides:
            key = tuple(o for o in overrides if key_of(o) != "seed")
            seed = next((o for o in reversed(overrides) if key_of(o) == "seed"), None)
            if key not in composed:
                config = self._context.config_loader.load_sweep_config(self._config, list(key))
                OmegaConf.set_struct(config, False)
                config.pop("hydra")
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
        super().__init__(timeout, retries)
        if slots is not None and slots < 1:
            raise ConfigError(f"hydra.launcher.slots must be a whole number >= 1, got {slots}")
        self._slots, self._devices = slots, [str(device) for device in devices]

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
        super().__init__(timeout, retries)
        if cpus is not None and not 0 < cpus < math.inf:
            raise ConfigError(f"hydra.launcher.cpus must be a number > 0, got {cpus}")
        if not 0 <= gpus < math.inf:
            raise ConfigError(f"hydra.launcher.gpus must be a number >= 0, got {gpus}")
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


def _returned(outcome: Any) -> JobReturn:
    """Return a job's outcome in Hydra's form."""
    returned = JobReturn(overrides=outcome.overrides, working_dir=str(Path.cwd()))
    returned.status = JobStatus.COMPLETED if outcome.error is None else JobStatus.FAILED
    returned.return_value = outcome.val_loss if outcome.error is None else outcome.error
    return returned
