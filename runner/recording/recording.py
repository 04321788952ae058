"""A run that a script records: its steps and evaluations, and how it ends."""

from __future__ import annotations

import atexit
import math
import shlex
import signal
import sys
import threading
import time
from contextlib import ExitStack
from io import TextIOWrapper
from types import TracebackType
from typing import Any, NoReturn, Self

from .. import console
from ..errors import Diverged, Interrupted
from ..record import keys
from ..record.directory import Ending, RunDirectory, now
from ..record.result import ending_after
from ..run.lifecycle import deliver
from ..tracking.courier import Messenger
from ..training.signals import Stop, listening
from .rows import Rows
from .sweep import RecordedSweep
from .wanted import Wanted


class Recording:
    """A run of a script's own loop: ``with runner.record(...) as run`` or a plain object with :meth:`finish`.

    Attributes:
        directory: the run's files.
        resumed_at: the steps that the record held when the script went on; ``None`` where it began.
    """

    def __init__(
        self,
        wanted: Wanted,
        directory: RunDirectory,
        messenger: Messenger,
        lock: TextIOWrapper,
        sweep: RecordedSweep | None,
        *,
        resumes: bool,
        resumed_at: int | None,
    ) -> None:
        self.directory, self.resumed_at = directory, resumed_at
        self._wanted, self._messenger, self._lock, self._sweep = wanted, messenger, lock, sweep
        self._steps = Rows(directory.steps, "step():", ("lr", "momentum", "loss"))
        self._evaluations = Rows(directory.evaluations, "evaluate():", (keys.VAL_LOSS, keys.VAL_ACCURACY))
        self._asks_for_step = resumes
        self._last_finite: float | None = None
        self._started = time.perf_counter()
        self._next_look = 0.0
        self._is_open = True
        self._signals, self._stop = ExitStack(), Stop()
        if threading.current_thread() is threading.main_thread():
            self._stop = self._signals.enter_context(listening())
        atexit.register(self._left_open)

    @property
    def steps_done(self) -> int:
        """How many steps are recorded, those of earlier processes included: the step that comes next."""
        return self._steps.recorded

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of what a step's row holds; empty before the first."""
        return self._steps.columns

    @property
    def evaluated(self) -> tuple[str, ...]:
        """The names of what an evaluation holds, as :meth:`evaluate` takes them; empty before the first."""
        return tuple(name.removeprefix("val/") for name in self._evaluations.columns)

    @property
    def is_open(self) -> bool:
        """Whether it has not ended."""
        return self._is_open

    @property
    def run_id(self) -> str | None:
        """The run in MLflow; ``None`` while MLflow has not got it."""
        sent = self.directory.sent
        return sent.run_id if sent is not None else None

    def step(self, *, loss: float, step: int | None = None, **values: float) -> None:
        """Record an update: its loss, and what it was made with. It outlives this process at once.

        Args:
            loss: the training loss.
            step: which update, counted from 0; by default the one after the last. A record that may go on
                needs it at the first call: the loop may repeat steps, which are compared, not added.
            **values: what else there is: ``lr``, ``momentum``, ... The names stay those of the first call.

        Raises:
            ValueError: the step, a name or a value cannot be.
            Diverged: the loss is not finite; the step is recorded, and the run has ended as diverged.
            KeyboardInterrupt: Ctrl-C was pressed; the step is recorded, and the run has ended as killed.
            SystemExit: likewise, of the signals TERM and HUP.
        """
        self._must_be_open()
        if step is None and self._asks_for_step and self._steps.last < 0:
            raise ValueError(
                f"step(): step must be given with resume=True, got none; {self.steps_done} are recorded"
            )
        at = self._steps.last + 1 if step is None else _whole("step():", step)
        self._steps.add(at, values | {"loss": loss})
        self._look(at, float(loss), "loss")
        self._last_finite = float(loss)

    def evaluate(self, *, loss: float, step: int | None = None, **metrics: float) -> None:
        """Record an evaluation on data that are not trained on; ``compare`` judges by the last one's loss.

        Args:
            loss: the validation loss.
            step: the updates that were finished; by default those that this process has recorded.
            **metrics: what else there is: ``accuracy``, ... The names stay those of the first call.

        Raises:
            ValueError: the step, a name or a value cannot be.
            Diverged: the loss is not finite; it is recorded, and the run has ended as diverged.
        """
        self._must_be_open()
        at = self._steps.last + 1 if step is None else _whole("evaluate():", step)
        self._evaluations.add(at, {keys.VAL_LOSS: loss} | {f"val/{k}": v for k, v in metrics.items()})
        self._look(at, float(loss), "validation loss")

    def finish(self) -> None:
        """End the run as finished, and wait until MLflow has it; the end of a ``with`` block does it."""
        self._must_be_open()
        tags, figures = self._followed(), self._figures()
        if self.steps_done != self._wanted.total_steps:  # the parameter cannot change, and compare counts
            tags[keys.TOTAL_STEPS] = str(self.steps_done)
        self._end(Ending("FINISHED", now(), figures, tags))
        console.err.print(self._said(), soft_wrap=True)

    def fail(self, reason: str | BaseException) -> None:
        """End the run as failed, or as killed where the reason is a ``KeyboardInterrupt``."""
        self._must_be_open()
        error = reason if isinstance(reason, BaseException) else RuntimeError(reason)
        self._end(ending_after(error))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._is_open:
            return
        if error is None:
            self.finish()
        else:
            self.fail(error)

    def _must_be_open(self) -> None:
        if not self._is_open:
            raise ValueError(f"the record of {self._wanted.name()} must be open, got one that has ended")

    def _look(self, at: int, loss: float, what: str) -> None:
        """End the run where the loss is not finite or a signal has come; see now and then to the uploader."""
        if not math.isfinite(loss):
            diverged = Diverged(at, self._last_finite, what)
            self._end(ending_after(diverged))
            raise diverged
        if self._stop.signum is not None:
            self._interrupt(self._stop.signum)
        if (moment := time.monotonic()) >= self._next_look:
            self._messenger.keep_alive()
            self._next_look = moment + 0.5

    def _interrupt(self, signum: int) -> NoReturn:
        self._end(ending_after(Interrupted(signum)))
        if signum == signal.SIGINT:
            raise KeyboardInterrupt
        raise SystemExit(128 + signum)

    def _figures(self) -> dict[str, float]:
        from ..run.result import result  # imports torch

        seconds = time.perf_counter() - self._started
        return result(self.directory, {}, seconds).figures() if self._steps.recorded else {"seconds": seconds}

    def _followed(self) -> dict[str, str]:
        """Return the tag that says whether the recorded rates are those of the schedule that was given."""
        from ..record.journal import read
        from ..run.result import diverges_from_plan_at

        rows = read(self.directory.steps) if self._steps.recorded else None
        if not self._wanted.plan or rows is None or "lr" not in (rows.dtype.names or ()):
            return {}
        apart = diverges_from_plan_at(rows, self._wanted.plan)
        if apart is None:
            return {"plan.followed": "true"}
        print(f"warning: from step {apart[0]} on, lr was not what the schedule says", file=sys.stderr)
        return {"plan.followed": f"no: lr at step {apart[0]}"}

    def _end(self, ending: Ending) -> None:
        """Write how it ended; have it and its sweep delivered."""
        self._is_open = False
        atexit.unregister(self._left_open)
        self._steps.close()
        self._evaluations.close()
        if (at := self._steps.differs_at) is not None:
            print(
                f"warning: repeating step {at} did not give what the record holds, which stays: the loop is "
                "not deterministic, or did not go on from the step that it named",
                file=sys.stderr,
            )
        with self._lock:
            self._messenger.end(self.directory, ending)
        directories = [self.directory]
        if self._sweep is not None:
            self._sweep.leave(self._messenger)
            directories.append(self._sweep.directory)
        deliver(self._wanted.tracking.patience, directories, self._messenger)
        self._signals.close()

    def _left_open(self) -> None:
        """End the record of a script that ends without a word, with the exception that ended it."""
        last: Any = getattr(sys, "last_exc", None) or getattr(sys, "last_value", None)
        self.fail(last if last is not None else "the script ended before finish() was called")

    def _said(self) -> str:
        where = console.short(self.directory.path)
        line = f"recorded {self._wanted.name()}: {self.steps_done} steps, {where}"
        if self._sweep is None:
            return line
        return f"{line}; to compare: python -m runner compare {shlex.quote(self._sweep.title)}"


def _whole(call: str, step: Any) -> int:
    if isinstance(step, bool) or not hasattr(step, "__index__") or step < 0:
        raise ValueError(f"{call} step must be a whole number >= 0, got {step!r}")
    return int(step)
