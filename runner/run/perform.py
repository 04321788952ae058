"""Train a run from the start or a checkpoint to its end, between opening and closing its journals."""

from __future__ import annotations

import json
import sys
import time
from functools import partial
from io import TextIOWrapper
from typing import TYPE_CHECKING, Any

from .. import console
from ..errors import Interrupted
from ..record import keys
from ..record.directory import Ending, RunDirectory, now
from ..record.journal import Journal, read
from ..record.result import JobResult, result_of
from ..settings.config import RunSettings
from ..tracking.courier import Messenger
from ..training.ranks import is_together
from ..training.signals import Stop
from .artifacts import keep_losses
from .context import Context
from .lifecycle import carry_out, waits_for_delivery
from .report import show_next, show_run, show_stopped
from .result import Result, result

if TYPE_CHECKING:
    from ..training.experiment import Experiment

STOPPED_EARLY = "stopped_early"  # a tag


def perform(
    settings: RunSettings,
    experiment: Experiment,
    directory: RunDirectory,
    context: Context,
    messenger: Messenger,
    lock: TextIOWrapper,
    state: dict[str, Any] | None = None,
) -> JobResult:
    """Train from a checkpoint's state, or from the start, to the end; report it."""
    started = time.perf_counter()

    def work(stop: Stop) -> tuple[Ending, Result]:
        early = _train(settings, experiment, directory, context, messenger, stop, state)
        outcome = result(directory, experiment.plan, time.perf_counter() - started)
        return Ending("FINISHED", now(), outcome.figures(), _followed(outcome) | early), outcome

    waits = waits_for_delivery(context)
    try:
        outcome = carry_out(work, settings, directory, lock, messenger, waits=waits)
    except Interrupted:
        if context.above is None:
            show_stopped(directory, experiment.total_steps)
        raise
    ended = result_of(directory)
    assert ended is not None, "carry_out writes the ending"
    if context.above is None:
        what = f"{settings.model['name']} on {settings.dataset['name']}"
        show_run(ended, what, outcome, settings.tracking.uri)
        if not is_together():  # else torchrun's own options would be lost
            show_next(json.loads(directory.order.tags.get(keys.ARGUMENTS, "[]")))
    return ended


def _train(
    settings: RunSettings,
    experiment: Experiment,
    directory: RunDirectory,
    context: Context,
    messenger: Messenger,
    stop: Stop,
    state: dict[str, Any] | None,
) -> dict[str, str]:
    """Run the loop between opening and closing the journals; return the tags of its end."""
    done = int(state["step"]) if state else 0
    past = _past_losses(directory, done) if state else []
    first_step = context.trainer.begin(experiment, state, past)
    metrics = experiment.data.task.metrics
    journal = Journal(directory.steps, [*experiment.write.labels, *experiment.update.columns])
    evaluations = Journal(directory.evaluations, [keys.VAL_LOSS, *(f"val/{name}" for name in metrics)])
    with console.progress(directory.order.name, experiment.total_steps, first_step) as move:

        def on_progress(finished: int, loss: float, values: dict[str, float]) -> None:
            move(finished, loss, values)
            messenger.keep_alive()

        with journal, evaluations:
            finished, early_stop = context.trainer.loop(
                settings,
                experiment,
                first_step=first_step,
                past=past,
                checkpoint=directory.checkpoint,
                journal=journal,
                evaluations=evaluations,
                keep_losses=partial(keep_losses, directory),
                stop=stop,
                on_progress=on_progress,
            )
    if journal.differs_at is not None:
        print(
            f"warning: repeating step {journal.differs_at} did not give what the journal holds: "
            "this device or model is not deterministic",
            file=sys.stderr,
        )
    if early_stop is None:
        return {}
    if finished == experiment.total_steps:
        return {STOPPED_EARLY: "no"}
    why = f"after {finished} of {experiment.total_steps} steps: {early_stop}"
    console.out.print(f"stopped early {why}")
    return {STOPPED_EARLY: why}


def _past_losses(directory: RunDirectory, done: int) -> list[float]:
    """Return the validation losses of the evaluations up to a checkpoint."""
    if not directory.evaluations.exists():
        return []
    rows = read(directory.evaluations)
    return [float(loss) for loss in rows[keys.VAL_LOSS][rows["step"] <= done]]


def _followed(outcome: Result) -> dict[str, str]:
    """Return the tag that says whether the optimizer followed the plan."""
    if outcome.diverges_from_plan_at is None:
        return {"plan.followed": "true"}
    step, name = outcome.diverges_from_plan_at
    print(f"warning: from step {step} on, {name} was not what the plan says", file=sys.stderr)
    return {"plan.followed": f"no: {name} at step {step}"}
