"""Slots that jobs take turns in, each job a process of its own: one that dies takes no other with it."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import pickle
import signal
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing import connection
from typing import Any, Protocol

from ..errors import Interrupted
from ..training.signals import Stop, listening
from .description import GRACE, JobDescription
from .doors import work

LOOK = 0.25  # seconds between two looks at the running jobs


@dataclass
class Running:
    """A process in its slot."""

    number: int
    slot: int
    process: Any
    started: float
    asked_to_stop: float | None = None
    stopped_for: str = ""
    was_late: bool = False


@dataclass
class Ended:
    """How a process ended.

    Attributes:
        number: the job.
        code: exit code; negative, the signal that killed it.
        seconds: that it took.
        stopped_for: why the pool stopped it; empty where it did not.
        was_late: whether that was for taking too long.
        reason: what went wrong, where the code alone does not tell it.
    """

    number: int
    code: int
    seconds: float
    stopped_for: str
    was_late: bool
    reason: str = ""


Next = Callable[[], tuple[int, JobDescription] | None]


class Places(Protocol):
    """Where the jobs of a sweep run: on this machine, or on a cluster."""

    delivers: bool
    """Whether each job sends its own journal, instead of the process that started the sweep."""

    @property
    def slots(self) -> int:
        """Jobs at a time."""

    def call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Return what a function that needs torch gives, called where the jobs run."""

    def run(
        self, next_job: Next, on_end: Callable[[Ended], None], on_look: Callable[[list[int]], None]
    ) -> None:
        """Run what ``next_job`` gives until it gives none and all have ended."""


@dataclass
class Pool:
    """Runs jobs, at most ``slots`` at a time.

    Processes are forked from a server that has imported torch once: a job starts in a tenth of a second.

    Attributes:
        slots: processes at a time [>= 1].
        timeout: after so long a job is stopped [seconds]; ``None``: never.
        devices: value of ``CUDA_VISIBLE_DEVICES`` for each slot; empty leaves it alone.
        preload: modules that the jobs will import, beside torch.
    """

    slots: int
    timeout: float | None = None
    devices: list[str] = field(default_factory=list)
    preload: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.delivers = False
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(["runner.launch.worker", *self.preload])
        self._running: list[Running] = []

    def warm_up(self) -> None:
        """Start the server now, so that it imports torch while something else is done."""
        from multiprocessing import forkserver

        # Ctrl-C in the terminal is for this process; the server would die of it in the middle of an import.
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            forkserver.ensure_running()
        finally:
            signal.signal(signal.SIGINT, before)

    def call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Return what a function that needs torch gives, called in a process of its own.

        Raises:
            RuntimeError: the process died.
        """
        here, there = self._context.Pipe(duplex=False)
        process = self._context.Process(target=_answer, args=(there, function, arguments), daemon=True)
        process.start()
        there.close()
        try:
            worked, answer = here.recv()
        except EOFError:
            process.join()
            raise RuntimeError(
                f"a process that looks at the jobs died (exit code {process.exitcode})"
            ) from None
        process.join()
        if not worked:
            error, trace = answer
            error.add_note(f"in the process that looks at the jobs:\n{trace}")
            raise error
        return answer

    def run(
        self,
        next_job: Next,
        on_end: Callable[[Ended], None],
        on_look: Callable[[list[int]], None],
    ) -> None:
        """Run what ``next_job`` gives until it gives none and all have ended.

        Args:
            next_job: called when a slot is free; a job's number and its description.
            on_end: called with each process that ended; may make ``next_job`` give it again.
            on_look: called a few times a second with the numbers of the running jobs.

        Raises:
            Interrupted: a signal came; every job was asked to save its state, and has ended.
        """
        with listening() as stop:
            try:
                while self._start(next_job, stop) or self._running:
                    connection.wait([each.process.sentinel for each in self._running], timeout=LOOK)
                    self._reap(on_end)
                    self._stop_late_ones()
                    on_look([each.number for each in self._running])
                    stop.check()
            except BaseException as error:
                self._stop_all(on_end, "the sweep was stopped" if isinstance(error, Interrupted) else "")
                raise

    def _start(self, next_job: Next, stop: Stop) -> bool:
        """Fill the free slots; return whether anything was started."""
        free = [n for n in range(self.slots) if n not in {each.slot for each in self._running}]
        started = False
        for slot in free:
            if stop.signum is not None or (given := next_job()) is None:
                break
            number, job = given
            if self.devices:
                job.environment["CUDA_VISIBLE_DEVICES"] = self.devices[slot % len(self.devices)]
            process = self._context.Process(target=work, args=(job,))
            process.start()
            self._running.append(Running(number, slot, process, time.monotonic()))
            started = True
        return started

    def _reap(self, on_end: Callable[[Ended], None]) -> None:
        for each in [r for r in self._running if not r.process.is_alive()]:
            each.process.join()
            self._running.remove(each)
            seconds = time.monotonic() - each.started
            on_end(Ended(each.number, each.process.exitcode, seconds, each.stopped_for, each.was_late))

    def _stop_late_ones(self) -> None:
        now = time.monotonic()
        for each in self._running:
            if self.timeout is not None and each.asked_to_stop is None and now - each.started > self.timeout:
                each.was_late = True
                self._ask(each, f"it took longer than {self.timeout:g} s")
            if each.asked_to_stop is not None and now - each.asked_to_stop > GRACE:
                each.process.kill()

    def _ask(self, running: Running, why: str) -> None:
        running.asked_to_stop, running.stopped_for = time.monotonic(), why
        with contextlib.suppress(ProcessLookupError):
            os.kill(running.process.pid, signal.SIGTERM)

    def _stop_all(self, on_end: Callable[[Ended], None], why: str) -> None:
        for each in self._running:
            self._ask(each, why or "the sweep failed")
        while self._running:
            connection.wait([each.process.sentinel for each in self._running], timeout=LOOK)
            self._reap(on_end)
            self._stop_late_ones()


def _answer(there: Any, function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    with contextlib.suppress(BrokenPipeError):  # nobody waits for it any more
        _answer_anyway(there, function, arguments)


def _answer_anyway(there: Any, function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    try:
        there.send((True, function(*arguments)))
    except BrokenPipeError:
        raise
    except Exception as error:
        trace = traceback.format_exc()
        try:
            pickle.loads(pickle.dumps(error))
        except Exception:  # a user's exception may not be picklable
            error = RuntimeError(repr(error))
        there.send((False, (error, trace)))
