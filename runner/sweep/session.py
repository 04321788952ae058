"""What one command has under way, kept at Hydra's edge: Hydra makes callbacks, sweeper and launchers itself.

This is the only state of a module in this package. Everything below takes what it needs as an argument.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

from hydra.core.hydra_config import HydraConfig

from ..errors import ConfigError
from ..record.directory import RunDirectory
from ..run.context import Context
from ..tracking.courier import Messenger
from .sweep import Sweep


@dataclass
class Session:
    """One command of this process.

    Attributes:
        context: what its runs share.
        sweep: what it runs, or runs a job of; ``None`` for a single run.
    """

    context: Context = field(default_factory=Context)
    sweep: Sweep | None = None

    def enter(self, sweep: Sweep) -> Sweep:
        """Begin a sweep, or take part in one: its jobs know it as what is above them."""
        self.sweep = self.context.above = sweep
        return sweep

    def messenger(self, patience: float) -> Messenger:
        """Return the messenger of the sweep and its jobs."""
        assert self.sweep is not None, "only a sweep asks"
        return self.context.messenger(self.sweep.directory.path / "uploader.log", patience)

    def join(self) -> None:
        """Take part in the sweep that this process was started for by another machine's or engine's launcher.

        Raises:
            ConfigError: that sweep has ended, and another command would write into its folder.
        """
        context = HydraConfig.get()
        if self.sweep is not None or context.mode is None or context.mode.name != "MULTIRUN":
            return
        directory = RunDirectory(Path(str(context.sweep.dir)))
        if directory.order_file.exists():
            refuse_ended(directory)
            self.enter(Sweep.around(directory, set(json.loads(directory.order.tags["sweep.varied"]))))

    def end(self, *, interrupted: bool) -> None:
        """End the sweep that this process began, if it did, and let go of the messenger."""
        if self.sweep is not None and self.sweep.has_begun:
            self.sweep.close(self.messenger(self.sweep.patience), interrupted=interrupted)
        self.context.close()


def refuse_ended(directory: RunDirectory) -> None:
    """Raise where the sweep in a folder has ended."""
    if directory.ending is not None:
        raise held_already(directory.path)


def held_already(path: Path) -> ConfigError:
    """Return the error for a folder that holds another sweep."""
    return ConfigError(
        f"hydra.sweep.dir must be a new folder, got {path}, which holds a sweep; "
        f"to go on with that one: sweep.resume={path}"
    )


SESSION = Session()
