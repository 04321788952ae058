"""What a job's process is told, and the doors it enters by: light to import, unlike what is behind them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ..record.provenance import Origin

if TYPE_CHECKING:
    from .preflight import Checked


LOG = "job.log"  # of what a job prints, in its folder
REFUSED = 2  # exit codes, as those of the command
BROKEN = 1
GRACE = 20.0  # seconds that a job has to save its state when it is asked to stop


@dataclass(frozen=True)
class Task:
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


def work(task: Task) -> None:
    """Run one job to its end."""
    from .worker import work

    work(task)


def check(configs: list[str], overrides: list[list[str]], timed: bool) -> list[Checked]:
    """Look at jobs before any of them starts."""
    from .preflight import check

    return check(configs, overrides, timed)
