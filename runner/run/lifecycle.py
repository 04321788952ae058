"""The life of a run around its work: its directory, MLflow's run, its ending, its delivery."""

from __future__ import annotations

import os
import sys
import uuid
from collections.abc import Callable
from contextlib import suppress
from io import TextIOWrapper
from pathlib import Path
from typing import Any, TypeVar

from .. import console
from ..errors import ConfigError
from ..record.directory import Ending, Order, RunDirectory, now
from ..record.result import ending_after
from ..settings.address import absolute
from ..settings.config import RunSettings, TrackingSettings
from ..settings.environment import overruled
from ..tracking import moved
from ..tracking.courier import Messenger, left
from ..training.signals import Stop, listening
from .context import Context

Figures = TypeVar("Figures")


def prepare(settings: RunSettings, path: Path, context: Context) -> tuple[RunDirectory, Messenger]:
    """Return the directory of a new run, and the messenger that will deliver it.

    Raises:
        ConfigError: the folder holds a run.
    """
    directory = RunDirectory(path)
    if directory.order_file.exists():
        raise ConfigError(
            f"hydra.run.dir must be a new folder, got {console.short(path)}, which holds a run; "
            f"to go on with that one: python -m runner resume={console.short(path)}"
        )
    folder = path if context.above is None else context.above.directory.path
    return directory, context.messenger(folder / "uploader.log", settings.tracking.patience)


def announce(
    tracking: TrackingSettings,
    directory: RunDirectory,
    context: Context,
    messenger: Messenger,
    *,
    name: str,
    params: dict[str, Any],
    tags: dict[str, str],
    plan: dict[str, Any],
    total_steps: int,
) -> tuple[TextIOWrapper, str | None]:
    """Have MLflow make a run; return the lock of its directory, and its id where the store answered.

    Raises:
        ConfigError: the store refused it. Nothing is left in the directory that speaks of a run.
    """
    above = context.above
    parent = above.begin(tracking, messenger) if above is not None else None
    lock = directory.hold()
    directory.write(
        Order(
            uid=uuid.uuid4().hex,
            uri=absolute(tracking.uri),
            experiment=tracking.experiment,
            name=name,
            params=params,
            tags=context.origin.tags | {"directory": str(directory.path)} | tags,
            started=now(),
            parent=os.path.relpath(parent.path, directory.path) if parent is not None else None,
            every=tracking.every,
            plan=plan,
            total_steps=total_steps,
        )
    )
    try:
        return lock, messenger.open(directory, tracking.offline)
    except ConfigError:
        directory.order_file.unlink()  # MLflow knows nothing of it, and nothing was trained
        raise


def say_of_store(uri: str, experiment: str) -> None:
    """Print a line for each variable of MLflow's that is not followed, and one where the store was moved."""
    for line in [*overruled(uri, experiment), *filter(None, [moved.warning(uri)])]:
        console.err.print(f"note   {line}", soft_wrap=True)


def carry_out(
    work: Callable[[Stop], tuple[Ending, Figures]],
    settings: RunSettings,
    directory: RunDirectory,
    lock: TextIOWrapper,
    messenger: Messenger,
    *,
    waits: bool = True,
) -> Figures:
    """Do a run's work; write the ending that it or its exception gives; have it delivered.

    Args:
        work: returns the ending and what is to be shown of it.
        settings: the run's.
        directory: the run's.
        lock: tells others that the run is in training; released when the ending is written.
        messenger: delivers the run.
        waits: wait for the delivery; ``False`` where a sweep waits once for all of its jobs.
    """
    try:
        with lock, listening() as stop:  # a signal that comes when all is done changes nothing
            try:
                ending, figures = work(stop)
                messenger.end(directory, ending)
            except BaseException as error:
                messenger.end(directory, ending_after(error))
                raise
    finally:
        if waits:
            deliver(settings.tracking.patience, [directory], messenger)
    return figures


def waits_for_delivery(context: Context) -> bool:
    """Whether a run has to wait for its own delivery."""
    return context.above is None or not context.above.waits_for_jobs


def deliver(patience: float, directories: list[RunDirectory], messenger: Messenger) -> None:
    """Wait for the messenger; when the store is too slow, say what is left and how to send it."""
    with suppress(KeyboardInterrupt):  # the run itself has ended: only the waiting is broken off
        if messenger.wait(directories, patience):
            return
    for directory in directories:
        if directory.order_file.exists() and not directory.delivered:
            why = messenger.complaint(directory)
            print(
                f"warning: MLflow has not taken all of this run{f' ({why})' if why else ''}; "
                f"nothing is lost. Left: {left(directory)}. To send it:\n"
                f"  python -m runner sync {console.short(directory.path)}",
                file=sys.stderr,
            )
