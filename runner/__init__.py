"""Schedule Lab's experiment runner: compose a config, train, and log every step.

``runner.run``, ``runner.sweep`` and ``runner.load`` are the command line for notebooks; ``runner.record``
gives a loop of one's own the record that the runner's own loop has.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

# First: rooms have these names, and the functions below are what stays.
from . import record as _record  # noqa: F401
from . import run as _run  # noqa: F401
from . import sweep as _sweep  # noqa: F401
from .errors import ConfigError, Diverged
from .version import VERSION as __version__

if TYPE_CHECKING:
    from schedules import Schedule

    from .notebook.handles import Run, Sweep
    from .recording.recording import Recording

__all__ = ["ConfigError", "Diverged", "__version__", "load", "record", "run", "sweep"]


def record(
    *,
    schedule: str | Schedule = "none",
    lr: float | None = None,
    seed: int = 0,
    sweep: str | None = None,
    total_steps: int | None = None,
    resume: bool = False,
    tracking: Mapping[str, Any] | None = None,
    **settings: Any,
) -> Recording:
    """Record a run of a script's own loop: every step on disk at once, and in MLflow soon after.

    The record is opened here and ends with the ``with`` block, or with ``finish()`` or ``fail(reason)``.
    An exception in the block ends it as failed, with the reason; Ctrl-C and the signals TERM and HUP as
    killed; a loss that is not finite as diverged. A process that dies without a word leaves every step that
    it recorded, and its uploader closes the run as killed.

    Args:
        schedule: what the schedule is called; runs of one schedule are one competitor; or the
            schedule itself: its fields are logged, and the recorded rates are held against it.
        lr: the peak rate; runs that differ in it alone are tries of one competitor.
        seed: initial weights and order of the data; runs of one seed are compared in pairs.
        sweep: name of the sweep that the run is part of, for ``python -m runner compare NAME``; made by the
            first run that names it.
        total_steps: the updates that are planned, where that is known.
        resume: go on with the run of the same sweep, settings and seed that did not finish, if there is one;
            the steps that are recorded stay, and ``steps_done`` tells how many they are.
        tracking: ``uri``, ``experiment``, ``every``, ``offline`` and ``patience``, as in ``conf/tracking/``.
        **settings: the run's other settings: texts, numbers, lists or mappings. Each that differs between
            runs makes another competitor.

    Raises:
        ConfigError: an argument is impossible, the sweep holds the result of this run, the store refused it,
            or another process records it.
    """
    from .recording import begin

    return begin.record(schedule, lr, seed, sweep, total_steps, resume, tracking, settings)


def run(*overrides: str, quiet: bool = False, **settings: Any) -> Run:
    """Train one run, as ``python -m runner <overrides>`` does, in a process of its own.

    Args:
        *overrides: those of the command line: ``"schedule=cosine"``, ``"optimizer.lr=0.1"``.
        quiet: keep what the command prints to itself.
        **settings: overrides whose key is a name: ``seed=1``.

    Raises:
        ConfigError: what the command calls a mistake, in the same words.
        Diverged: the loss is not finite; ``runner.load`` shows the run.
    """
    from .notebook import start

    return start.train(overrides, settings, quiet=quiet)


def sweep(*overrides: str, quiet: bool = False, **settings: Any) -> Sweep:
    """Train a sweep, as ``python -m runner -m <overrides>`` does, in a process of its own.

    Args:
        *overrides: those of the command line: ``"schedule=cosine,wsd"``.
        quiet: keep what the command prints to itself.
        **settings: overrides whose key is a name; several values are swept over: ``seed=range(4)``.

    Raises:
        ConfigError: what the command calls a mistake, in the same words.
        JobFailed: no job finished.
    """
    from .notebook import start

    return start.train_all(overrides, settings, quiet=quiet)


def load(which: str) -> Run | Sweep:
    """Return a run or a sweep of before.

    Args:
        which: its directory, its MLflow id or the beginning of it; a sweep's name, too.

    Raises:
        ConfigError: there is none.
    """
    from .notebook import start

    return start.load(which)
