"""How a run ended, read from its directory: the one place where an ending is made and understood."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from ..errors import Diverged, Interrupted, JobFailed
from . import keys
from .directory import Ending, RunDirectory, now

FINISHED, DIVERGED, FAILED, KILLED = "finished", "diverged", "failed", "killed"
"""States of a run that has ended."""


@dataclass(frozen=True)
class JobResult:
    """How a run or a job of a sweep ended.

    Attributes:
        name: of the run; of a job that never began, its overrides.
        state: ``finished``, ``diverged``, ``failed`` or ``killed``.
        final: its final figures, as MLflow has them; empty where it did not finish.
        reason: why it did not finish; empty where it did.
        diverged_at: the step of the first loss that was not finite.
        last_loss: the last finite loss of a run that diverged.
        run_id: in MLflow; ``None`` while MLflow has not got it.
        directory: the run's; ``None`` of a job that never began.
    """

    name: str
    state: str
    final: dict[str, float] = field(default_factory=dict)
    reason: str = ""
    diverged_at: int | None = None
    last_loss: float | None = None
    run_id: str | None = None
    directory: RunDirectory | None = None

    @property
    def val_loss(self) -> float:
        """The final validation loss; NaN where there is none, as of a range test."""
        return self.final.get(keys.FINAL_VAL_LOSS, math.nan)

    @property
    def val_accuracy(self) -> float | None:
        """The final validation accuracy; ``None`` where the task has none."""
        return self.final.get(keys.FINAL_VAL_ACCURACY)

    @property
    def seconds(self) -> float:
        """Time in training [seconds]."""
        return self.final.get("seconds", 0.0)

    @property
    def error(self) -> Exception | None:
        """The exception that a job like this one ended with; ``None`` where it finished."""
        if self.state == FINISHED:
            return None
        if self.diverged_at is not None:
            return Diverged(self.diverged_at, self.last_loss)
        return JobFailed(f"{self.name}: {self.reason}")


def result_of(directory: RunDirectory) -> JobResult | None:
    """Return how the run in a directory ended; ``None`` where it has not begun or not ended."""
    ending = directory.ending if directory.order_file.exists() else None
    if ending is None:
        return None
    sent = directory.sent
    return JobResult(
        directory.order.name,
        state_of(ending),
        ending.metrics if ending.status == "FINISHED" else {},
        "" if ending.status == "FINISHED" else ending.tags.get(keys.REASON, ending.status),
        int(ending.tags[keys.DIVERGED_STEP]) if keys.DIVERGED_STEP in ending.tags else None,
        float(ending.tags[keys.LAST_LOSS]) if keys.LAST_LOSS in ending.tags else None,
        sent.run_id if sent is not None else None,
        directory,
    )


def state_of(ending: Ending) -> str:
    """Return the state that an ending says."""
    if ending.status == "FINISHED":
        return FINISHED
    if keys.DIVERGED_STEP in ending.tags:
        return DIVERGED
    return KILLED if ending.status == "KILLED" else FAILED


def ending_after(error: BaseException) -> Ending:
    """Return the ending of a run that an exception stopped before its last step."""
    tags = {keys.REASON: str(error) or repr(error)}
    if isinstance(error, Diverged):
        tags[keys.DIVERGED_STEP] = str(error.step)
        tags |= {} if error.last_loss is None else {keys.LAST_LOSS: repr(error.last_loss)}
    killed = isinstance(error, (Interrupted, KeyboardInterrupt))
    return Ending("KILLED" if killed else "FAILED", now(), tags=tags)
