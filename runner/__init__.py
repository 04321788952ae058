"""Schedule Lab's experiment runner: compose a config, train, and log every step.

``runner.record`` gives a loop of one's own the record that the runner's own loop has.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from . import record as _room  # noqa: F401  first: a room has the name, and the function is what stays
from .errors import ConfigError, Diverged
from .version import VERSION as __version__

if TYPE_CHECKING:
    from schedules import Schedule

    from .recording.recording import Recording

__all__ = ["ConfigError", "Diverged", "__version__", "record"]


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
