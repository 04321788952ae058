"""``python -m runner sync``: send what journals still hold."""

from __future__ import annotations

import time
from pathlib import Path

from ..console import err, out, short
from ..errors import BUG, ConfigError, reason_of
from ..record.directory import RunDirectory, find
from ..tracking.courier import left
from ..tracking.uploader import clean_environment

TRIES = 3
OUTPUTS = Path("outputs")
"""Where runs go by default."""


def main(arguments: list[str]) -> int:
    """Send everything below the folder that the arguments name; return the exit code."""
    return BUG if sync(folder_of("sync", arguments)) else 0


def folder_of(command: str, arguments: list[str]) -> Path:
    """Return the folder that a command's arguments name, by default ``outputs``.

    Raises:
        ConfigError: they are more than one folder.
    """
    if len(arguments) > 1 or any(argument.startswith("-") for argument in arguments):
        raise ConfigError(
            f"usage: python -m runner {command} [DIR], by default outputs; got {' '.join(arguments)}"
        )
    return Path(arguments[0]) if arguments else OUTPUTS


def sync(root: Path) -> int:
    """Send everything below ``root`` that MLflow does not have yet; return how many runs are left unsent.

    May be called at any time and any number of times: what was acknowledged is not sent again.
    """
    waiting = [d for d in runs_below(root) if not d.delivered]
    unsent = 0
    for directory in waiting:
        if directory.is_alive():
            out.print(f"running    {short(directory.path)}: its own process sends it")
        elif not send(directory):
            unsent += 1
    if not waiting:
        out.print(f"nothing to send below {short(root.absolute())}")
    return unsent


def runs_below(root: Path) -> list[RunDirectory]:
    """Return the runs below a folder.

    Raises:
        ConfigError: there is no such folder, and it is not the one that the first run makes.
    """
    if not root.exists() and root == OUTPUTS:
        return []
    if not root.is_dir():
        raise ConfigError(f"the folder must exist, got {str(root)!r}")
    return list(find(root))


def send(directory: RunDirectory) -> bool:
    """Deliver one directory; return whether nothing is left to send, or another process is sending it."""
    lock = directory.lock("delivery")
    if lock is None:
        out.print(f"sending    {short(directory.path)}: another process is at it")
        return True
    clean_environment()
    from ..tracking.delivery import Delivery

    with lock:
        for attempt in range(TRIES):
            try:
                done = Delivery(directory).advance()
            except Exception as error:  # a store can fail in any way: say it, keep the journal
                reason = reason_of(error)
                if isinstance(error, ConfigError):  # it is not there, and was waited for
                    break
                time.sleep(attempt)
                continue
            note = "" if done else "; it has no ending: `python -m runner doctor` closes it"
            out.print(f"sent       {short(directory.path)}{note}")
            return True
    err.print(f"not sent   {short(directory.path)}: {reason}; left: {left(directory)}")
    return False
