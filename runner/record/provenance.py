"""Where a run comes from: code, packages, machine. Looked up once by the process that starts the jobs."""

from __future__ import annotations

import dataclasses
import functools
import getpass
import os
import platform
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from ..version import VERSION
from . import keys


@dataclass(frozen=True)
class Origin:
    """Where runs come from.

    Attributes:
        tags: who, the command, the version, the machine, and the git state of the working directory.
        environment: the interpreter and every installed package, one a line, as ``pip freeze`` writes them.
        diff: what the tracked files change against the commit; empty where clean.
    """

    tags: dict[str, str]
    environment: str
    diff: str


SUBMITTED = {keys.SUBMITTED_BY: "SCHEDULE_LAB_SUBMITTED_BY", keys.SUBMITTED_JOB: "SCHEDULE_LAB_SUBMITTED_JOB"}
"""Labels of a run that a cluster was sent, and the variables that its job has them in."""


@functools.cache
def look_up() -> Origin:
    """Return where the runs of this process come from."""
    return Origin(_tags(), _environment(), _git("diff", "HEAD") or "")


@functools.cache
def _here() -> tuple[dict[str, str], str]:
    return _machine(), _environment()


def moved_here(origin: Origin) -> Origin:
    """Return an origin with this machine and its packages in the place of those it was looked up on."""
    machine, environment = _here()
    return dataclasses.replace(origin, tags=origin.tags | machine, environment=environment)


def write(origin: Origin, folder: Path) -> None:
    """Write what the labels have no room for: ``environment.txt``, and ``diff.patch`` where there is one."""
    (folder / "environment.txt").write_text(origin.environment)
    if origin.diff:
        (folder / "diff.patch").write_text(origin.diff)


def _tags() -> dict[str, str]:
    labels = {
        "mlflow.user": user(),
        "mlflow.source.type": "LOCAL",
        keys.COMMAND: command_of("python -m runner", *sys.argv[1:]),
        "version": VERSION,
        **_machine(),
    }
    labels |= {label: os.environ[name] for label, name in SUBMITTED.items() if os.environ.get(name)}
    commit = _git("rev-parse", "HEAD")
    if commit:
        labels[keys.COMMIT] = commit.strip()
        labels[keys.DIRTY] = str(bool(_git("status", "--porcelain"))).lower()
    return labels


def command_of(*words: str) -> str:
    """Return a command line for people, without the names and passwords of its addresses."""
    return re.sub(r"://[^/@\s]+@", "://", " ".join(words))


def _machine() -> dict[str, str]:
    return {"host": platform.node(), "hardware": f"{_processor()}, {os.cpu_count()} cores"}


def _environment() -> str:
    from importlib.metadata import distributions

    packages = {f"{d.metadata['Name']}=={d.version}" for d in distributions() if d.metadata["Name"]}
    return "\n".join(
        [
            f"# python {platform.python_version()} on {platform.platform()}",
            *sorted(packages, key=str.lower),
            "",
        ]
    )


def _git(*arguments: str) -> str | None:
    try:
        done = subprocess.run(["git", *arguments], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError, UnicodeDecodeError):
        return None
    return done.stdout


def user() -> str:
    """Return who runs this process."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        return str(os.getuid())


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()
