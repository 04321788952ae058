"""Sweeps on one machine: a process for each job, a manifest that remembers, a table that lives."""

from __future__ import annotations


def spelled_out(arguments: list[str]) -> list[str]:
    """Return a sweep's command line with its short forms as Hydra's overrides.

    ``--plan`` is ``sweep.plan=true``; ``sweep.resume=X`` also names the folder of the sweep that goes on.

    Raises:
        ConfigError: there is no such sweep.
    """
    from ..resume import locate

    spelled = ["sweep.plan=true" if each == "--plan" else each for each in arguments]
    for each in arguments:
        if each.startswith("sweep.resume="):
            spelled.append(f"hydra.sweep.dir={locate(each.removeprefix('sweep.resume=')).path}")
    return spelled
