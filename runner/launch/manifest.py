"""The list of a sweep's jobs and how far each has come: what a sweep is resumed from."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..record.directory import RunDirectory
from ..record.files import write_atomically
from ..record.result import DIVERGED, FAILED, FINISHED, KILLED
from ..settings.config import flat, yaml_of
from ..settings.purposes import deciding

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
RULE = "2:"  # how keys are made; older ones have no such mark
CONFIG = "config.yaml"  # among a run's artifacts

BEFORE = ("tracking.", "sweep.", "trainer.checkpoint_", "trainer.threads", "trainer.device", "plugins")
"""Settings that older versions left out of a key."""

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
        self._ran: dict[int, str] = {}
        if self.file.exists():
            self.jobs = [Job(**each) for each in json.loads(self.file.read_text())]

    def enter(self, overrides: list[str], config: dict[str, Any]) -> Job:
        """Return the job of this resolved config; a new one gets the next number.

        A job that an older version entered is recognised by its key then, or by the config that it ran with.
        """
        key = key_of(config)
        known = next((job for job in self.jobs if job.key in (key, _older_key_of(config))), None)
        known = known or next((job for job in self.jobs if self._ran_with(job) == key), None)
        if known is not None:
            known.key = key
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

    def _ran_with(self, job: Job) -> str:
        """Return the key of the config that a job of an older version ran with; empty for others."""
        if job.key.startswith(RULE):
            return ""
        if job.number not in self._ran:
            file = self.directory(job).artifacts / CONFIG
            self._ran[job.number] = key_of(yaml_of(file)) if file.exists() else ""
        return self._ran[job.number]


def key_of(config: dict[str, Any]) -> str:
    """Return the hash of a resolved config, without what does not decide the result."""
    return RULE + _hash(deciding(flat(config)))


def _older_key_of(config: dict[str, Any]) -> str:
    return _hash({key: value for key, value in flat(config).items() if not key.startswith(BEFORE)})


def _hash(settings: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(settings, sort_keys=True, default=str).encode()).hexdigest()[:16]
