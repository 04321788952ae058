"""The list of a sweep's jobs and how far each has come: what a sweep is resumed from."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..record.directory import RunDirectory, write_atomically
from ..record.result import DIVERGED, FAILED, FINISHED, KILLED
from ..settings.config import flat

__all__ = [
    "DIVERGED",
    "DONE",
    "FAILED",
    "FINISHED",
    "KILLED",
    "RUNNING",
    "WAITING",
    "Job",
    "Manifest",
    "key_of",
]

FILE = "manifest.json"

LEFT_OUT = ("tracking.", "sweep.", "trainer.checkpoint_", "trainer.threads", "trainer.device", "plugins")
"""Settings that do not decide what a job comes to."""

WAITING, RUNNING = "waiting", "running"
"""States of a job that has not ended; those of one that has are a run's."""
DONE = (FINISHED, DIVERGED)  # training these again would give the same


@dataclass
class Job:
    """One job of a sweep.

    Attributes:
        number: its folder in the sweep's.
        overrides: of the command line, its own choices included.
        key: hash of its settings: the same job in another start of the sweep has the same.
        state: waiting, running, finished, diverged, failed or killed.
        attempts: how many processes were started for it.
        reason: why it is not finished.
        seconds: in training, all attempts together.
        run_id: in MLflow.
    """

    number: int
    overrides: list[str]
    key: str
    state: str = WAITING
    attempts: int = 0
    reason: str = ""
    seconds: float = 0.0
    run_id: str = ""


class Manifest:
    """The jobs of a sweep, kept in a file of its folder.

    Args:
        folder: the sweep's. An existing manifest is continued.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder / FILE
        self.jobs: list[Job] = []
        if self.file.exists():
            self.jobs = [Job(**each) for each in json.loads(self.file.read_text())]

    def enter(self, overrides: list[str], key: str) -> Job:
        """Return the job of this key; a new one gets the next number."""
        known = next((job for job in self.jobs if job.key == key), None)
        if known is not None:
            return known
        job = Job(len(self.jobs), overrides, key)
        self.jobs.append(job)
        return job

    def directory(self, job: Job) -> RunDirectory:
        """Return the run directory of a job."""
        return RunDirectory(self.folder / str(job.number))

    def save(self) -> None:
        """Write the file."""
        rows = [dataclasses.asdict(job) for job in self.jobs]
        write_atomically(self.file, json.dumps(rows, indent=1).encode())


def key_of(config: dict[str, Any]) -> str:
    """Return the hash of a resolved config, without what does not decide the result."""
    deciding = {k: v for k, v in flat(config).items() if not k.startswith(LEFT_OUT)}
    return hashlib.sha256(json.dumps(deciding, sort_keys=True, default=str).encode()).hexdigest()[:16]
