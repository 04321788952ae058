"""The training process's side of the uploader: start it, tell it of runs, wait for what it delivered."""

from __future__ import annotations

import dataclasses
import json
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

from ..errors import ConfigError
from ..record.directory import Ending, RunDirectory
from ..settings.packages import HOME

ANSWER_SECONDS = 120.0  # a first connection makes the store's tables
LONGEST_PAUSE = 60.0  # seconds between two starts of an uploader that keeps dying
UPLOADER = f"import sys; sys.path.append({str(HOME)!r}); from runner.tracking.uploader import main; main()"
"""Our own, whatever package of the name ``runner`` lies in the working directory."""
ANSWERS = ("ready", "offline", "busy", "refused")

News = dict[str, str]


class Messenger(Protocol):
    """What a job needs of the process that sends for it."""

    def open(self, directory: RunDirectory, offline: bool) -> str | None:
        """Have a run served from now on; return its id in MLflow where that is known already."""

    def end(self, directory: RunDirectory, ending: Ending) -> None:
        """Write a run's ending and have it sent."""

    def keep_alive(self) -> None:
        """Called now and then while it trains."""

    def wait(self, directories: Iterable[RunDirectory], seconds: float) -> bool:
        """Wait until runs that have their endings are delivered; return whether they were, in time."""

    def complaint(self, directory: RunDirectory) -> str:
        """Return what last kept a run from being delivered."""

    def serve(self, directory: RunDirectory) -> None:
        """Deliver a run that another process trains, without blocking."""

    def close(self) -> None:
        """Announce that no more runs follow."""


class Courier:
    """An uploader process and the runs it serves. Started early: it imports mlflow while torch is imported.

    Args:
        log: file that takes what the uploader complains of.
        patience: how long it goes on trying when this process is gone [seconds].
    """

    def __init__(self, log: Path, patience: float) -> None:
        self._log = log
        self._patience = patience
        self._served: dict[str, Ending | None] = {}  # directory -> an ending that could not be written
        self._answered: dict[str, News] = {}
        self._complaints: dict[str, str] = {}
        self._pause = 1.0
        self._next_start = 0.0
        self._start()

    def _start(self) -> None:
        self._news: queue.Queue[News | None] = queue.Queue()
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-c", UPLOADER],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env=os.environ | {"RUNNER_PATIENCE": str(self._patience)},
                start_new_session=True,  # Ctrl-C in the terminal is not for it
            )
        self._next_start = time.monotonic() + self._pause
        self._pause = min(2 * self._pause, LONGEST_PAUSE)
        threading.Thread(target=_listen, args=(self._process, self._news), daemon=True).start()

    def _say(self, **command: Any) -> None:
        """Send a command to the uploader; :meth:`keep_alive` repeats it to one that replaces a dead one."""
        assert self._process.stdin is not None
        with suppress(OSError):
            self._process.stdin.write(json.dumps(command) + "\n")
            self._process.stdin.flush()

    def _hear(self, seconds: float) -> bool:
        """File the next news; return ``False`` when the uploader has died or there was none in time."""
        try:
            news = self._news.get(timeout=seconds)
        except queue.Empty:
            return False
        if news is None:
            return False
        path, event = news["directory"], news["event"]
        if event in ANSWERS:
            self._answered[path] = news
        if event == "delivered":
            self._served.pop(path, None)
        if "reason" in news:
            self._complaints[path] = news["reason"]
        return True

    def open(self, directory: RunDirectory, offline: bool) -> str | None:
        """Have a run served from now on; return its id in MLflow, or ``None`` while the store is away.

        Raises:
            ConfigError: the store refused the run, or is away and ``offline`` does not allow it.
        """
        path = str(directory.path)
        for _ in range(2):  # a second time if the uploader dies over it
            self._answered.pop(path, None)
            self._say(directory=path, offline=offline)
            deadline = time.monotonic() + ANSWER_SECONDS
            while path not in self._answered and time.monotonic() < deadline:
                if not self._hear(1.0) and self._process.poll() is not None:
                    break
            if path in self._answered:
                break
            self._replace()
        news = self._answered.pop(path, None)
        if news is None:
            raise ConfigError(f"the process that sends to MLflow did not answer; it wrote to {self._log}")
        if news["event"] == "refused":
            raise ConfigError(news["reason"])
        self._served[path] = None
        return news.get("run_id")

    def serve(self, directory: RunDirectory) -> None:
        """Deliver a run that another process trains, without blocking."""
        path = str(directory.path)
        if path not in self._served:
            self._served[path] = None
            self._say(directory=path, offline=True)

    def end(self, directory: RunDirectory, ending: Ending) -> None:
        """Write a run's ending and have it sent; a full disk does not keep it from MLflow."""
        unwritten = None
        try:
            directory.write(ending)
        except OSError as error:
            print(f"warning: {directory.end_file}: {error}", file=sys.stderr)
            unwritten = ending
        path = str(directory.path)
        if path in self._served:
            self._served[path] = unwritten
            self._tell_ending(path)

    def _tell_ending(self, path: str) -> None:
        ending = self._served[path]
        self._say(directory=path, ending=dataclasses.asdict(ending) if ending else None)

    def keep_alive(self) -> None:
        """Start the uploader again if it died, with the runs it served; not at once if it keeps dying."""
        if self._process.poll() is not None and self._served and time.monotonic() >= self._next_start:
            while self._hear(0.0):  # its messages from before it died
                pass
            self._replace()

    def _replace(self) -> None:
        self._process.kill()
        self._process.wait()
        self._start()
        for path, unwritten in self._served.items():
            self._say(directory=path, offline=True)
            if unwritten is not None:
                self._tell_ending(path)

    def wait(self, directories: Iterable[RunDirectory], seconds: float) -> bool:
        """Wait until runs that have their endings are delivered; return whether they were, in time.

        The time counts from the last sign that something still arrives.
        """
        mine = {str(each.path): each for each in directories if str(each.path) in self._served}
        began, arrived = time.monotonic(), None
        deadline, is_announced = began + seconds, False
        while mine.keys() & self._served.keys() and time.monotonic() < deadline:
            self.keep_alive()
            if self._hear(min(1.0, max(0.0, deadline - time.monotonic()))):
                continue
            still = [mine[path].sent for path in mine.keys() & self._served.keys()]
            if still != arrived:
                arrived, deadline = still, max(deadline, time.monotonic() + min(seconds, 10.0))
            if not is_announced and time.monotonic() > began + 5.0:
                is_announced = True
                print(
                    f"sending what is left to MLflow, for {seconds:.0f} s at most (Ctrl-C: later)",
                    file=sys.stderr,
                )
        return not mine.keys() & self._served.keys()

    def complaint(self, directory: RunDirectory) -> str:
        """Return what last kept a run from being delivered; empty when nothing did."""
        return self._complaints.get(str(directory.path), "")

    def close(self) -> None:
        """Let the uploader finish by itself: it stops when it has delivered what there is."""
        assert self._process.stdin is not None
        with suppress(OSError):
            self._process.stdin.close()


def _listen(process: subprocess.Popen[str], news: queue.Queue[News | None]) -> None:
    """Pass on what an uploader says, and ``None`` when it is gone."""
    assert process.stdout is not None
    for line in process.stdout:
        with suppress(ValueError):  # a last line that its death cut short
            news.put(json.loads(line))
    news.put(None)


def left(directory: RunDirectory) -> str:
    """Say what has not reached MLflow."""
    from ..record.journal import count  # here, so that --help doesn't wait for numpy

    sent = directory.sent
    rows = sent.rows if sent is not None else {}
    files = (directory.steps, directory.evaluations)
    missing = {file.name: count(file) - rows.get(file.name, 0) for file in files}
    return ", ".join(f"{n} rows of {name}" for name, n in missing.items() if n > 0) or "its end"
