"""A run's directory: which file holds what. A crash leaves each as it was or as it was to be.

======================  ============================================================
``run.json``            what MLflow has to know of the run, and its plan (:class:`Order`)
``steps.journal``       every step
``evaluations.journal`` every evaluation
``end.json``            how it ended (:class:`Ending`); missing while it runs
``sent.json``           what has reached MLflow (:class:`Sent`); the uploader's
``checkpoint.pt``       the last checkpoint, ``checkpoint.previous.pt`` the one before
``artifacts/``          config, plan, picture, packages: sent as they are
``uploader.log``        what kept the uploader from delivering
``*.lock``              locked by the process that trains, and by the one that delivers
======================  ============================================================
"""

from __future__ import annotations

import dataclasses
import fcntl
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import TextIOWrapper
from pathlib import Path
from typing import Any, TypeVar

from ..errors import ConfigError
from .files import write_atomically

Record = TypeVar("Record", bound="Order | Ending | Sent")


@dataclass
class Order:
    """What MLflow has to know when a run begins.

    Attributes:
        uid: the run's own name, made before MLflow has one: sending the order twice makes one run.
        uri: the store.
        experiment: the experiment's name.
        name: the run's name.
        params: settings, flat.
        tags: labels.
        started: milliseconds since 1970.
        parent: directory of the sweep that the run is part of, seen from the run's own.
        every: one step in so many goes to MLflow; the journal and the Parquet file have all.
        plan: the schedules that are followed, as specs. Here, so that an extension is one atomic write.
        total_steps: the steps that the plan is for.
        past_plans: fingerprints of the plans that were extended.
        resumed: the updates that were finished each time the run went on.
        changed: the params that were resumed with another value, and that value.
    """

    uid: str
    uri: str
    experiment: str
    name: str
    params: dict[str, Any]
    tags: dict[str, str]
    started: int
    parent: str | None = None
    every: int = 1
    plan: dict[str, Any] = field(default_factory=dict)
    total_steps: int = 0
    past_plans: list[str] = field(default_factory=list)
    resumed: list[int] = field(default_factory=list)
    changed: dict[str, Any] = field(default_factory=dict)


@dataclass
class Ending:
    """How a run ended: FINISHED, FAILED or KILLED, with its last figures and labels."""

    status: str
    time: int
    metrics: dict[str, float] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)


@dataclass
class Sent:
    """What has reached MLflow and was acknowledged.

    Attributes:
        run_id: the run in MLflow.
        rows: rows of each journal.
        files: modification time of each artifact that was sent [nanoseconds].
        ended: time of the ending that was sent; a run that goes on gets another one.
        experiment_id: the run's experiment in MLflow; unknown of runs that older versions began.
        view: the key of the view that MLflow opens on, where one could be written.
    """

    run_id: str
    rows: dict[str, int] = field(default_factory=dict)
    files: dict[str, int] = field(default_factory=dict)
    ended: int | None = None
    experiment_id: str | None = None
    view: str | None = None


class RunDirectory:
    """The files of one run (or of a sweep, which has no journals)."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self.order_file = self.path / "run.json"
        self.steps = self.path / "steps.journal"
        self.evaluations = self.path / "evaluations.journal"
        self.end_file = self.path / "end.json"
        self.sent_file = self.path / "sent.json"
        self.checkpoint = self.path / "checkpoint.pt"
        self.artifacts = self.path / "artifacts"

    @property
    def order(self) -> Order:
        """What MLflow has to know."""
        return _read(self.order_file, Order)

    @property
    def ending(self) -> Ending | None:
        """How it ended; ``None`` while it runs, or when it died without a word."""
        try:
            return _read(self.end_file, Ending)
        except FileNotFoundError:
            return None

    @property
    def sent(self) -> Sent | None:
        """What has reached MLflow; ``None`` before MLflow has the run."""
        try:
            return _read(self.sent_file, Sent)
        except FileNotFoundError:
            return None

    @property
    def delivered(self) -> bool:
        """Whether it has ended and MLflow has all of it."""
        ending, sent = self.ending, self.sent
        return ending is not None and sent is not None and sent.ended == ending.time

    @property
    def parent(self) -> RunDirectory | None:
        """The sweep that it is part of; ``None`` also when its directory was left behind in a copy."""
        above = self.order.parent
        directory = RunDirectory(self.path / above) if above is not None else None
        return directory if directory is not None and directory.order_file.exists() else None

    def write(self, record: Order | Ending | Sent) -> None:
        """Write a record into its file."""
        files = {Order: self.order_file, Ending: self.end_file, Sent: self.sent_file}
        write_atomically(files[type(record)], json.dumps(dataclasses.asdict(record), indent=1).encode())

    def lock(self, role: str = "training") -> TextIOWrapper | None:
        """Lock a role, ``training`` or ``delivery``, until the file returned is closed.

        ``None`` when another process has it. A process that dies, however it does, lets go of it.
        """
        file = (self.path / f"{role}.lock").open("a")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            return None
        return file

    def hold(self) -> TextIOWrapper:
        """Lock the training of this run for this process.

        Raises:
            ConfigError: another process has it, and not only to look whether it is taken.
        """
        deadline = time.monotonic() + 3.0
        while (lock := self.lock()) is None:
            if time.monotonic() > deadline:
                raise ConfigError(f"{self.path} is being trained by another process")
            time.sleep(0.05)
        return lock

    def is_alive(self) -> bool:
        """Whether a process is training it now."""
        lock = self.lock()
        if lock is not None:
            lock.close()
        return lock is None

    def close_dead(self, when: int, **tags: str) -> bool:
        """End a run whose process died without a word as KILLED; return whether that was so.

        The training is locked meanwhile, so that nobody resumes the run between look and write.
        """
        lock = self.lock()
        if lock is None:
            return False
        with lock:
            if self.ending is not None:
                return False
            self.write(Ending("KILLED", when, tags={"reason": "the process that trained it died"} | tags))
            return True


def find(root: Path) -> Iterator[RunDirectory]:
    """Yield the run directories at and below ``root``, sweeps before their jobs, oldest first."""
    found = [RunDirectory(path.parent) for path in root.rglob("run.json")] if root.is_dir() else []
    yield from sorted(found, key=lambda each: (len(each.path.parts), each.path))


def locate(which: str, setting: str = "resume", root: Path = Path("outputs")) -> RunDirectory:
    """Return the directory of a run, named by its path or by its MLflow id.

    Args:
        which: the path, or the beginning of the id.
        setting: name of the setting, for the message where there is no such run.
        root: where ids are looked for.

    Raises:
        ConfigError: there is none, or the beginning of an id fits several.
    """
    path = Path(which)
    if (path / "run.json").exists():
        return RunDirectory(path)
    fitting = [d for d in find(root) if d.sent is not None and d.sent.run_id.startswith(which)]
    if len(fitting) == 1:
        return fitting[0]
    found = "none" if not fitting else f"{len(fitting)}: {', '.join(str(d.path) for d in fitting)}"
    raise ConfigError(
        f"{setting} must be a run's directory, or the id of one below {root}/, got {which!r} ({found})"
    )


def now() -> int:
    """Return milliseconds since 1970."""
    return time.time_ns() // 1_000_000


def _read(path: Path, kind: type[Record]) -> Record:
    return kind(**json.loads(path.read_text()))
