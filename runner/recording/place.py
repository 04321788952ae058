"""Where a recorded run's files are: a new folder, or that of the run that goes on."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

from .. import console
from ..errors import ConfigError
from ..record.directory import RunDirectory
from ..record.result import DIVERGED, FINISHED, result_of
from .wanted import Wanted

ROOT = Path("outputs/record")
DONE = (FINISHED, DIVERGED)  # states of a run that is a result: going on would change it


def sweep_folder(name: str) -> Path:
    """Return the folder of a recorded sweep."""
    return ROOT / "sweeps" / name


def unfinished(wanted: Wanted) -> RunDirectory | None:
    """Return the newest run of the same sweep, settings and seed that can go on; ``None``: there is none."""
    states = {each: result_of(each) for each in _alike(wanted) if each.order_file.exists()}
    left = [each for each, ended in states.items() if ended is None or ended.state not in DONE]
    return max(left, key=lambda each: each.order.started, default=None)


def refuse_twin(wanted: Wanted) -> None:
    """Raise where a sweep has the result of this very run, or will have: a comparison would count it twice.

    Raises:
        ConfigError: it has, or another process is at it.
    """
    for each in _alike(wanted) if wanted.sweep is not None else ():
        ended = result_of(each)
        if ended is None and each.is_alive():
            raise ConfigError(
                f"{wanted.name()} is being recorded in the sweep {wanted.sweep!r} by another process or "
                f"record ({console.short(each.path)}); of several processes that train it, one records"
            )
        if ended is not None and ended.state in DONE:
            raise ConfigError(
                f"the sweep {wanted.sweep!r} holds this run already: {wanted.name()} has {ended.state} "
                f"({console.short(each.path)}); give another seed, or another sweep"
            )


def new(wanted: Wanted) -> RunDirectory:
    """Return the directory of a run that begins, its folder made."""
    for path in _paths(wanted):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            path.mkdir()
        except FileExistsError:
            continue
        return RunDirectory(path)
    raise AssertionError("there are as many folders as numbers")


def _alike(wanted: Wanted) -> Iterator[RunDirectory]:
    """Yield the runs of the same sweep, settings and seed."""
    yield from map(RunDirectory, itertools.takewhile(Path.exists, _paths(wanted)))


def _paths(wanted: Wanted) -> Iterator[Path]:
    """Yield where runs of these settings are: the first, and those that were begun anew beside it."""
    above = sweep_folder(wanted.sweep) if wanted.sweep is not None else ROOT / "runs"
    yield above / wanted.folder()
    for number in itertools.count(2):
        yield above / f"{wanted.folder()}-{number}"
