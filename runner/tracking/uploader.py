"""The process that brings journals to MLflow while another trains: ``python -m runner.tracking.uploader``.

It reads on its standard input which directories to serve, and answers on its standard output, one JSON
object a line. When its input closes, the process that trained is gone: what the journals hold is delivered,
and a run without an ending is closed as KILLED.
"""

from __future__ import annotations

import gc
import json
import os
import select
import signal
import sys
import time
from pathlib import Path
from typing import Any, TextIO

from ..errors import reason_of
from ..record.directory import Ending, RunDirectory, find, now

TICK = 0.5  # seconds between deliveries: how far MLflow may be behind
LONGEST_PAUSE = 5.0  # seconds between tries while a store does not answer
GRACE = 10.0  # seconds: how long a store that takes points is given to take more, after the patience
HIJACKERS = (  # each makes MLflow's client write elsewhere, or say "taken" before it is
    "MLFLOW_RUN_ID",
    "MLFLOW_EXPERIMENT_ID",
    "MLFLOW_EXPERIMENT_NAME",
    "MLFLOW_ENABLE_ASYNC_LOGGING",
    "MLFLOW_ASYNC_LOGGING_BUFFERING_SECONDS",
)


def clean_environment() -> None:
    """Take out what would make MLflow's client write into another run, or wait for minutes in one call."""
    for hijacker in HIJACKERS:
        os.environ.pop(hijacker, None)
    os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] = "1"
    os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"] = "20"


class Served:
    """One directory being served: its delivery once the store answered, and when to try again.

    Attributes:
        ending: how the run ended, where a full disk kept that from being written.
        deadline: when to give up; not before the process that trained is gone.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.directory = RunDirectory(Path(path))
        self.ending: Ending | None = None
        self.deadline = float("inf")
        self._pause = TICK
        self._next_try = 0.0
        self._complaint = ""
        self._delivery: Any = None
        self._lock: Any = None

    def begin(self, offline: bool) -> dict[str, str]:
        """Connect and make the run; return what to answer. With ``offline`` it may be made later."""
        try:
            self._open()
        except BlockingIOError as error:  # one that another process left is still being delivered
            self._wait()
            return {"event": "busy", "reason": reason_of(error)}
        except Exception as error:
            if offline:
                self._wait()
                return {"event": "offline", "reason": reason_of(error)}
            self.release()
            return {"event": "refused", "reason": reason_of(error)}
        return {"event": "ready", "run_id": self._delivery.sent.run_id}

    def _open(self) -> None:
        from .delivery import Delivery

        self._lock = self._lock or self.directory.lock("delivery")
        if self._lock is None:
            raise BlockingIOError("another process is delivering this run")
        self._delivery = Delivery(self.directory)

    def advance(self) -> tuple[bool, str]:
        """Send what is new; return whether all is delivered, and what is new to complain of."""
        if time.monotonic() < self._next_try:
            return False, ""
        try:
            if self._delivery is None:
                self._open()
            before = dict(self._delivery.sent.rows)
            done = bool(self._delivery.advance(self.ending))
        except Exception as error:  # whatever a store or a network can do: keep the journal and try again
            self._wait()
            complaint, self._complaint = self._complaint, reason_of(error)
            return False, "" if complaint == self._complaint else self._complaint
        self._pause = TICK
        if self._delivery.sent.rows != before:
            self.deadline = max(self.deadline, time.monotonic() + GRACE)
        return done, ""

    def _wait(self) -> None:
        self._next_try = time.monotonic() + self._pause
        self._pause = min(2 * self._pause, LONGEST_PAUSE)

    def wake(self) -> None:
        """Try again now."""
        self._next_try = 0.0

    def release(self) -> None:
        """Let others deliver it."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def orphaned(self, patience: float) -> None:
        """Note that the process that trained is gone: it had waited for ``patience`` if it could."""
        ending = self.directory.ending or self.ending
        waited = (now() - ending.time) / 1000 if ending is not None else 0.0
        self.deadline = time.monotonic() + max(0.0, patience - max(0.0, waited))
        self.wake()

    def close_if_dead(self) -> bool:
        """Write the ending that the run's process could not; return ``False`` when another one goes on."""
        if self.ending is not None or self.directory.ending is not None:
            return True
        try:
            return self.directory.close_dead(now()) or self.directory.ending is not None
        except OSError:  # a full disk: MLflow is to know all the same
            self.ending = Ending("KILLED", now(), tags={"reason": "the process that trained it died"})
            return True


class Uploader:
    """Serves directories until its input closes and everything is delivered, or has failed to be.

    Args:
        answers: where to answer.
        patience: how long to go on trying after a run's end [seconds].
    """

    def __init__(self, answers: TextIO, patience: float) -> None:
        self._answers = answers
        self._patience = patience
        self._serving: dict[str, Served] = {}
        self._buffer = bytearray()
        self._trainer = os.getppid()

    def run(self) -> None:
        """Serve."""
        while self._listen():
            self._advance()
        self._serve_jobs_nobody_told_of()
        for served in self._serving.values():
            served.orphaned(self._patience)
        orphaned_at = time.monotonic()
        while self._serving:
            for served in [*self._serving.values()]:
                # The lock of a process that dies is free a moment after its pipes are closed.
                if not served.close_if_dead() and time.monotonic() > orphaned_at + 3.0:
                    self._drop(served)
            self._advance()
            for served in [*self._serving.values()]:
                if time.monotonic() > served.deadline:
                    self._drop(served)
            if self._serving:
                time.sleep(TICK)

    def _serve_jobs_nobody_told_of(self) -> None:
        """Serve jobs of a sweep that had begun when the process that would have announced them died."""
        for path in [*self._serving]:
            for job in find(Path(path)):
                if str(job.path) not in self._serving and not job.delivered:
                    self._serving[str(job.path)] = Served(str(job.path))

    def _listen(self) -> bool:
        """Carry out the commands of one tick; return whether the process that trains is still there."""
        if os.getppid() != self._trainer:  # a child of it may hold our input open
            return False
        ready, _, _ = select.select([0], [], [], TICK)
        if not ready:
            return True
        chunk = os.read(0, 65536)
        self._buffer += chunk
        *lines, rest = bytes(self._buffer).split(b"\n")
        self._buffer[:] = rest
        for line in lines:
            self._obey(json.loads(line))
        return bool(chunk)

    def _obey(self, command: dict[str, Any]) -> None:
        path = command["directory"]
        if "offline" in command:
            served = self._serving.pop(path, None) or Served(path)
            answer = served.begin(command["offline"])
            if answer["event"] != "refused":
                self._serving[path] = served
            self._answer(path, **answer)
        else:  # it has ended
            served = self._serving.setdefault(path, Served(path))
            served.ending = Ending(**command["ending"]) if command["ending"] else None
            served.wake()

    def _advance(self) -> None:
        for served in [*self._serving.values()]:
            done, complaint = served.advance()
            if complaint:
                print(f"{served.path}: {complaint}", file=sys.stderr, flush=True)
                self._answer(served.path, event="waiting", reason=complaint)
            if done:
                self._drop(served)
                self._answer(served.path, event="delivered")

    def _drop(self, served: Served) -> None:
        del self._serving[served.path]
        served.release()

    def _answer(self, path: str, **news: str) -> None:
        try:
            print(json.dumps({"directory": path, **news}), file=self._answers, flush=True)
        except OSError:  # nobody is left to tell
            self._answers = open(os.devnull, "w")  # noqa: SIM115  lives as long as the process


def main() -> None:
    """Serve; what libraries print goes to the log and not between the answers."""
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # meant for the process that trains; it says when to stop
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    os.nice(10)  # the training comes first
    clean_environment()
    from . import delivery  # noqa: F401  slow: done before the first command is waited for

    gc.collect()
    gc.freeze()  # mlflow's thousands of modules are never garbage: don't look at them again
    Uploader(answers, float(os.environ.get("RUNNER_PATIENCE", "60"))).run()


if __name__ == "__main__":
    main()
