"""Begin a record, or go on with one: directory, sweep, MLflow's run."""

from __future__ import annotations

import functools
import json
import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..errors import ConfigError
from ..record import keys, provenance
from ..record.directory import RunDirectory
from ..record.files import write_atomically
from ..record.journal import count, read
from ..run.artifacts import PLAN
from ..run.context import Context
from ..run.lifecycle import announce, say_of_store
from .place import new, refuse_twin, sweep_folder, unfinished
from .recording import Recording
from .sweep import RecordedSweep
from .wanted import Wanted, tracking_of

LARGEST_SCRIPT = 1_000_000  # bytes


def record(
    schedule: Any,
    lr: float | None,
    seed: int,
    sweep: str | None,
    total_steps: int | None,
    resume: bool,
    tracking: Mapping[str, Any] | None,
    settings: dict[str, Any],
) -> Recording:
    """Begin or go on with the record that ``runner.record`` describes; its arguments are documented there.

    Raises:
        ConfigError: an argument is impossible, the sweep holds the result of this run, the store refused it,
            or another process records it.
    """
    wanted = Wanted(schedule, lr, seed, sweep, total_steps, settings, tracking_of(tracking))
    before = unfinished(wanted) if resume else None
    if before is None:
        refuse_twin(wanted)
    say_of_store(wanted.tracking.uri, wanted.tracking.experiment)
    above = RecordedSweep(sweep, sweep_folder(sweep)) if sweep is not None else None
    shared = _shared(os.getpid())
    context = replace(shared, above=above)
    if before is not None:
        return _go_on(wanted, before, shared, above)
    directory = new(wanted)
    messenger = shared.messenger(directory.path / "uploader.log", wanted.tracking.patience)
    _write_artifacts(wanted, directory, context)
    try:
        lock, _ = announce(
            wanted.tracking,
            directory,
            context,
            messenger,
            name=wanted.name(),
            params=wanted.params(),
            tags=_tags(wanted, above),
            plan=wanted.specs,
            total_steps=wanted.total_steps or 0,
        )
    except ConfigError:
        shutil.rmtree(directory.path)  # MLflow knows nothing of it, and nothing was recorded
        raise
    return Recording(wanted, directory, messenger, lock, above, resumes=resume, resumed_at=None)


def _go_on(
    wanted: Wanted, directory: RunDirectory, shared: Context, above: RecordedSweep | None
) -> Recording:
    """Open a record that did not finish: MLflow's run goes on, too."""
    lock = directory.hold()
    messenger = shared.messenger(directory.path / "uploader.log", wanted.tracking.patience)
    ending, order = directory.ending, directory.order
    done = int(read(directory.steps)["step"][-1]) + 1 if count(directory.steps) else 0
    order.resumed.append(done)
    directory.write(order)
    directory.end_file.unlink(missing_ok=True)
    try:
        if above is not None:
            above.begin(wanted.tracking, messenger)
        messenger.open(directory, wanted.tracking.offline)
    except ConfigError:
        if ending is not None:
            directory.write(ending)
        lock.close()
        raise
    return Recording(wanted, directory, messenger, lock, above, resumes=True, resumed_at=done)


@functools.cache
def _shared(process: int) -> Context:
    """Return what the records of a process share, one uploader for all; a forked process gets its own."""
    return Context()


def _tags(wanted: Wanted, above: RecordedSweep | None) -> dict[str, str]:
    tags = {f"plan.{name}": repr(schedule) for name, schedule in wanted.plan.items()}
    if above is not None:
        tags["sweep"] = above.title
    return tags | {
        "schedule": wanted.schedule_name,
        keys.RECORDED: "runner.record",
        keys.COMMAND: provenance.command_of("python", *sys.argv),
    }


def _write_artifacts(wanted: Wanted, directory: RunDirectory, context: Context) -> None:
    """Write where the run comes from, its settings, its plan and the script itself."""
    directory.artifacts.mkdir()
    provenance.write(context.origin, directory.artifacts)
    write_atomically(directory.artifacts / "settings.json", json.dumps(wanted.params(), indent=1).encode())
    if wanted.plan:
        write_atomically(directory.artifacts / PLAN, json.dumps(wanted.specs, indent=1).encode())
    script = Path(sys.argv[0] if sys.argv else "")
    if script.suffix == ".py" and script.is_file() and script.stat().st_size <= LARGEST_SCRIPT:
        shutil.copyfile(script, directory.artifacts / script.name)
