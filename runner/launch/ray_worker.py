"""What a Ray worker does for a sweep: it starts a job in a process of its own, and says how that ended."""

from __future__ import annotations

import dataclasses
import functools
import os
import platform
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from ..errors import Interrupted
from ..extras import extra
from ..record import provenance
from ..record.directory import RunDirectory
from .description import REFUSED, JobDescription
from .pool import Ended, Pool

FOLDER = "hydra.sweep.dir"


def train(number: int, job: JobDescription, timeout: float | None, preload: list[str]) -> Ended:
    """Run one job to its end. A Ray task; Ray stops it as Ctrl-C would, and the job saves its state.

    Args:
        number: its number.
        job: its description.
        timeout: stop it after so long [seconds]; ``None``: never.
        preload: modules that it will import, beside torch.
    """
    if not RunDirectory(job.above).order_file.exists():
        return Ended(number, REFUSED, 0.0, "", False, unseen(FOLDER, job.above, [platform.node()]))
    pool = _own_pool(tuple(preload))
    pool.timeout = timeout
    origin = provenance.moved_here(job.origin)
    here = dataclasses.replace(job, environment=job.environment | _devices(), origin=origin)
    waiting = [(number, here)]
    ended: list[Ended] = []
    with suppress(Interrupted):
        pool.run(lambda: waiting.pop() if waiting else None, ended.append, lambda _: None)
    return ended[0] if ended else Ended(number, -signal.SIGTERM, 0.0, "the sweep was stopped", False)


def answer(
    function: Callable[..., Any], arguments: tuple[Any, ...], place: Path, preload: list[str]
) -> tuple[bool, Any]:
    """Return whether a function that needs torch worked, and what it gave or raised. A Ray task."""
    try:
        return True, _own_pool(tuple(preload)).call(_as_a_job, _devices(), place, function, *arguments)
    except Exception as error:  # the original exception, not Ray's wrapper
        return False, error


def _devices() -> dict[str, str]:
    """Return the variable with the devices that Ray gave to this task.

    It is passed to each process: the server that it is forked from has those of an earlier one.
    """
    given = extra("ray", "ray").get_runtime_context().get_accelerator_ids().get("GPU", [])
    return {"CUDA_VISIBLE_DEVICES": ",".join(given)}


def _as_a_job(environment: dict[str, str], place: Path, function: Callable[..., Any], *arguments: Any) -> Any:
    """Return what a function gives that is called where a job would be."""
    os.environ.update(environment)
    os.chdir(place)
    return function(*arguments)


def sees(paths: list[Path], preload: list[str]) -> tuple[list[bool], str]:
    """Return whether each of these is here, and the machine's name; get ready for jobs. A Ray task."""
    _own_pool(tuple(preload))
    return [path.exists() for path in paths], platform.node()


def unseen(what: str, path: Path, machines: list[str]) -> str:
    """Return the words for machines that do not see a folder of the sweep's."""
    return (
        f"{what} must lie on a disk that all workers share, under the same path, got {path}, "
        f"which is not there on {', '.join(machines)}"
    )


@functools.cache
def _own_pool(preload: tuple[str, ...]) -> Pool:
    """Return the pool of this process. Ray gives it one job after the other: they share a warm server."""
    # multiprocessing has each child import the main script, and that of a Ray worker imports Ray.
    vars(sys.modules["__main__"]).pop("__file__", None)
    pool = Pool(1, preload=list(preload))
    pool.warm_up()
    return pool
