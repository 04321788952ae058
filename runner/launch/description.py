"""A job's description: all that its process has to know, light to import."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from omegaconf import DictConfig

from ..record.provenance import Origin

LOG = "job.log"  # of what a job prints, in its folder
REFUSED = 2  # exit codes, as those of the command
BROKEN = 1
GRACE = 20.0  # seconds that a job has to save its state when it is asked to stop


@dataclass(frozen=True)
class JobDescription:
    """All that a job's process has to know.

    Attributes:
        path: the job's folder.
        config: the composed config, as YAML.
        overrides: of its command line.
        above: the sweep's folder.
        varied: keys that the sweep varies.
        origin: where the code comes from, looked up once.
        environment: variables, such as the devices it may see.
        goes_on: whether it was begun before, and goes on from its checkpoint.
        delivers: whether it sends its own journal.
        place: working directory; ``None``: that of the process that starts it.
    """

    path: Path
    config: str
    overrides: list[str]
    above: Path
    varied: set[str]
    origin: Origin
    environment: dict[str, str] = field(default_factory=dict)
    goes_on: bool = False
    delivers: bool = False
    place: Path | None = None


@dataclass(frozen=True)
class Wanted:
    """A job as the sweeper asks for it."""

    config: DictConfig
    overrides: list[str]
