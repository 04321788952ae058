"""The command line from Python: in a process of its own, with its errors as exceptions.

Hydra's state, signal handlers and what torch is set to belong to a process: a notebook keeps its own, and may
call as often as it likes, whether an event loop runs or not.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from ..errors import MISTAKE, ConfigError, JobFailed
from ..record.directory import RunDirectory, locate
from ..settings.overrides import given, quoted
from ..settings.packages import HOME

START = f"import sys; sys.path.append({str(HOME)!r}); from runner.__main__ import main; sys.exit(main())"
ERROR = "error: "
PLAIN = set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./+%:,=[](){}${}")


def override(key: str, value: Any) -> str:
    """Return a keyword argument as an override; several values become a sweep over them.

    >>> override("seed", range(3)), override("optimizer.lr", [0.1, 0.3]), override("trainer.epochs", None)
    ('seed=0,1,2', 'optimizer.lr=0.1,0.3', 'trainer.epochs=null')
    """
    several = isinstance(value, Iterable) and not isinstance(value, (str, Mapping))
    return f"{key}={','.join(map(_text, value)) if several else _text(value)}"


def _text(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    text = str(value)
    return text if set(text) <= PLAIN else quoted(text)


def folder_of(overrides: list[str], kind: str) -> tuple[list[str], RunDirectory]:
    """Return the overrides with the folder that the files go to, and that folder.

    Args:
        overrides: of the command line.
        kind: ``run`` or ``sweep``, as in Hydra's settings.

    Raises:
        ConfigError: an override is none, or ``sweep.resume`` names no sweep.
    """
    said = given(overrides)
    key = f"hydra.{kind}.dir"
    if kind == "sweep" and said.get("sweep.resume", "null") != "null":
        return overrides, locate(said["sweep.resume"], "sweep.resume")
    if key in said:
        return overrides, RunDirectory(Path(said[key]))
    moment = datetime.now()
    end = "-sweep" if kind == "sweep" else ""
    folder = Path("outputs", f"{moment:%Y-%m-%d}", f"{moment:%H-%M-%S.%f}{end}")
    return [*overrides, f"{key}={folder}"], RunDirectory(folder)


def call(arguments: list[str], *, quiet: bool) -> tuple[int, str]:
    """Run ``python -m runner`` with arguments; return its exit code and what it said of an error.

    Args:
        arguments: of the command line.
        quiet: keep what it prints to itself.

    Raises:
        ConfigError: the command calls it a mistake; the text is the same.
        KeyboardInterrupt: the kernel was interrupted; the command was, too, and has saved its state.
    """
    process = subprocess.Popen(
        [sys.executable, "-P", "-c", START, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"COLUMNS": os.environ.get("COLUMNS", "110")},
        start_new_session=True,  # it is told of an interrupt below, once
    )
    errors: list[str] = []
    threads = [
        threading.Thread(target=_relay, args=(process.stdout, [], None if quiet else sys.stdout)),
        threading.Thread(target=_relay, args=(process.stderr, errors, None if quiet else sys.stderr)),
    ]
    for thread in threads:
        thread.start()
    try:
        code = process.wait()
    except KeyboardInterrupt:
        process.send_signal(signal.SIGINT)
        process.wait()
        raise
    finally:
        for thread in threads:
            thread.join()
    said = "".join(errors)
    reason = said.rpartition(ERROR)[2].strip() if ERROR in said else said.strip()
    if code == MISTAKE:
        raise ConfigError(reason)
    return code, reason


def _relay(stream: IO[str] | None, kept: list[str], shown: Any) -> None:
    """Keep what a process says, and show it, but for its errors, which are raised."""
    assert stream is not None
    for line in stream:
        kept.append(line)
        if shown is not None and not line.startswith(ERROR):
            shown.write(line)
            shown.flush()


def failed(code: int, reason: str) -> JobFailed:
    """Return the error of a command that gave nothing to look at."""
    return JobFailed(reason or f"the command ended with exit code {code}")
