"""Train from a notebook, or look at what was trained before."""

from __future__ import annotations

from typing import Any

from ..compare import reader
from ..compare.archive import Archive
from ..errors import ConfigError
from ..record import keys
from ..record.directory import RunDirectory, locate
from ..record.result import result_of
from ..settings.address import absolute
from ..settings.environment import default_tracking
from .command import call, failed, folder_of, override
from .handles import Run, Sweep


def train(overrides: tuple[str, ...], settings: dict[str, Any], *, quiet: bool) -> Run:
    """Train one run; ``runner.run`` describes it."""
    words, directory = folder_of(_words(overrides, settings), "run")
    code, reason = call(words, quiet=quiet)
    ended = result_of(directory)
    if code and ended is not None and ended.error is not None:
        raise ended.error
    if code or ended is None:
        raise failed(code, reason)
    return Run(directory)


def train_all(overrides: tuple[str, ...], settings: dict[str, Any], *, quiet: bool) -> Sweep:
    """Train a sweep; ``runner.sweep`` describes it."""
    words, directory = folder_of(_words(overrides, settings), "sweep")
    code, reason = call(["-m", *words], quiet=quiet)
    if directory.sent is None:
        raise failed(code, reason)
    made = _sweep(directory)
    if code and not any(run.status == "FINISHED" for run in made.collection.runs):
        raise failed(code, reason)
    return made


def load(which: str) -> Run | Sweep:
    """Return what was run before; ``runner.load`` describes it."""
    try:
        directory = locate(which, "which")
    except ConfigError as error:
        try:
            return find_sweep(which)
        except ConfigError:
            raise error from None
    return _sweep(directory) if keys.SWEEP_ARGUMENTS in directory.order.tags else Run(directory)


def find_sweep(which: str | None, uri: str | None = None, experiment: str | None = None) -> Sweep:
    """Return a sweep of a store, as ``python -m runner compare`` finds it.

    Raises:
        ConfigError: there is no such store or sweep.
    """
    directory = reader.directory_of(which)
    defaults = directory.order if directory is not None else default_tracking()
    archive = Archive(absolute(uri or defaults.uri))
    return Sweep(archive, reader.find(archive, experiment or defaults.experiment, which))


def _sweep(directory: RunDirectory) -> Sweep:
    return find_sweep(str(directory.path))


def _words(overrides: tuple[str, ...], settings: dict[str, Any]) -> list[str]:
    for word in overrides:
        if not isinstance(word, str):
            raise ConfigError(f"an override must be a text such as 'schedule=cosine', got {word!r}")
    return [*overrides, *(override(key, value) for key, value in settings.items())]
