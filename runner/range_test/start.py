"""``task=range_test``: a range test as a run of its own, in MLflow and on the screen."""

from __future__ import annotations

import dataclasses
import json
import math
import time
from collections.abc import Iterator, Set
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import console
from ..errors import Diverged
from ..record import provenance
from ..record.directory import Ending, RunDirectory, now
from ..record.files import write_atomically
from ..record.journal import Journal, read
from ..record.result import JobResult, result_of
from ..run.artifacts import keep_config
from ..run.context import Context
from ..run.lifecycle import announce, carry_out, waits_for_delivery
from ..run.naming import varied_overrides
from ..run.report import run_line
from ..settings.config import RunSettings, flat, named
from ..settings.overrides import command, in_force, without
from ..tracking.courier import Messenger
from ..training.experiment import Experiment
from ..training.signals import Stop
from . import picture
from .ramp import build_ramp, climb
from .result import RangeTestResult, judge
from .settings import TASKS, RangeTest
from .suggest import Ramp
from .table import show

if TYPE_CHECKING:
    from omegaconf import DictConfig

JSON, PICTURE = "range_test.json", "range_test.png"


class EveryRampDiverged(Diverged):
    """No ramp was long enough for a rule to read it."""

    def __init__(self, outcome: RangeTestResult) -> None:
        longest = max(outcome.ramps.values(), key=lambda ramp: len(ramp.losses))
        good = longest.losses[np.isfinite(longest.losses)]
        super().__init__(len(longest.losses) - 1, float(good[-1]) if len(good) else None)
        self.args = (outcome.reason,)


def start(
    cfg: DictConfig,
    settings: RunSettings,
    directory: RunDirectory,
    overridden: list[str],
    context: Context,
    messenger: Messenger,
) -> JobResult:
    """Do the range test that ``settings.task`` describes; return how it ended.

    Raises:
        ConfigError: before anything starts, and before MLflow has a run.
        EveryRampDiverged: there is nothing to suggest; the run is FAILED and holds the losses.
        Interrupted: a signal; the run is KILLED and holds the losses so far.
    """
    test: RangeTest = named(TASKS, "task", settings.task)
    first = build_ramp(settings, test, test.seeds[0])
    directory.artifacts.mkdir(exist_ok=True)
    provenance.write(context.origin, directory.artifacts)
    keep_config(cfg, directory)
    varied = context.above.varied if context.above is not None else frozenset[str]()
    lock, _ = announce(
        settings.tracking,
        directory,
        context,
        messenger,
        name=_name(settings, test, overridden, varied),
        params=_params(settings, first),
        tags={"task": "range_test", **{f"plan.{key}": repr(curve) for key, curve in first.plan.items()}},
        plan=first.specs(),
        total_steps=first.total_steps,
    )
    started = time.perf_counter()

    def work(stop: Stop) -> tuple[Ending, RangeTestResult]:
        with _steps_for_mlflow(directory, test, first):
            outcome = judge(test, _climb_all(settings, test, first, directory, messenger, stop))
        keep(outcome, directory.artifacts)
        if outcome.recommended is None and outcome.has_diverged:
            raise EveryRampDiverged(outcome)
        figures = outcome.figures() | {"seconds": time.perf_counter() - started}
        return Ending("FINISHED", now(), figures, {"range_test": outcome.reason}), outcome

    waits = waits_for_delivery(context)
    outcome = carry_out(work, settings, directory, lock, messenger, waits=waits)
    ended = result_of(directory)
    assert ended is not None, "carry_out writes the ending"
    rows = [*run_line(ended), ("store", settings.tracking.uri), ("files", console.short(directory.path))]
    _report(outcome, settings, rows, overridden if context.above is None else None)
    return ended


def _report(
    outcome: RangeTestResult,
    settings: RunSettings,
    rows: list[tuple[str, str]],
    overridden: list[str] | None,
) -> None:
    """Show what came out and, for overrides of a single run, the command that trains with the value found."""
    show(outcome, f"{settings.model['name']} on {settings.dataset['name']}", rows)
    if outcome.recommended is not None and overridden is not None:
        console.out.print(f"next   {_next(outcome, overridden)}")


def _name(settings: RunSettings, test: RangeTest, overridden: list[str], varied: Set[str]) -> str:
    """Return what tells a range test from its neighbours: also what else a sweep varies."""
    others = varied_overrides(overridden, varied - {"task.hyperparameter", "model", "dataset"})
    model, dataset = settings.model["name"], settings.dataset["name"]
    return " ".join(["range_test", test.hyperparameter, model, dataset, *others])


def keep(outcome: RangeTestResult, folder: Path) -> None:
    """Write what came out as JSON and as a picture."""
    write_atomically(folder / JSON, json.dumps(outcome.plain(), indent=1, allow_nan=False).encode())
    picture.save(folder / PICTURE, outcome)


def _climb_all(
    settings: RunSettings,
    test: RangeTest,
    first: Experiment,
    directory: RunDirectory,
    messenger: Messenger,
    stop: Stop,
) -> dict[int, Ramp]:
    """Train the ramps one after the other; the first is built already, so that a mistake was reported."""
    ramps: dict[int, Ramp] = {}
    made: Experiment | None = first
    for seed in test.seeds:
        made = made or build_ramp(settings, test, seed)
        with console.progress(f"{directory.order.name} seed {seed}", test.steps) as move:

            def on_progress(finished: int, loss: float, values: dict[str, float], move: Any = move) -> None:
                move(finished, loss, values)
                messenger.keep_alive()

            ramps[seed] = climb(made, test, _journal_of(directory, seed), stop, on_progress)
        made = None  # one model at a time in memory
    return ramps


def _journal_of(directory: RunDirectory, seed: int) -> Path:
    return directory.path / f"seed_{seed}.journal"


@contextmanager
def _steps_for_mlflow(directory: RunDirectory, test: RangeTest, made: Experiment) -> Iterator[None]:
    """Write the run's journal from those of the ramps, also when the work breaks off.

    A row has the plan's values, the mean loss of the seeds and the loss of each one. A seed whose ramp has
    ended has none, and so has the mean from there on: over other seeds it would be another mean.
    """
    try:
        yield
    finally:
        made_so_far = {
            s: read(_journal_of(directory, s)) for s in test.seeds if _journal_of(directory, s).exists()
        }
        columns = [*made.plan, "loss", *(f"loss/seed_{seed}" for seed in made_so_far)]
        longest = max(made_so_far.values(), key=len, default=np.empty(0))
        with Journal(directory.steps, columns) as journal:
            for step, row in enumerate(longest):
                losses = [float(r["loss"][step]) if step < len(r) else math.nan for r in made_so_far.values()]
                values = [float(row[key]) for key in made.plan]
                journal.append(step, [*values, float(np.mean(losses)), *losses], int(row["time"]))


def _params(settings: RunSettings, made: Experiment) -> dict[str, Any]:
    """Return the settings that the test goes by, flat; of the optimizer's rate what it really is."""
    unused = ("tracking", "schedule", "seed")
    plain = {key: value for key, value in dataclasses.asdict(settings).items() if key not in unused}
    plain["trainer"] = {**plain["trainer"], "epochs": None, "steps": None}
    return flat(plain) | {
        "total_steps": made.total_steps,
        "parameters": sum(p.numel() for p in made.model.parameters()),
    }


def _next(outcome: RangeTestResult, overridden: list[str]) -> str:
    """Return the command that trains with the value found."""
    name = outcome.test.hyperparameter
    found = f"optimizer.{name}={outcome.recommended:g}"
    kept = without(in_force(overridden), "task", f"optimizer.{name}", "hydra.run", "hydra.sweep")
    return command([*kept, found], python=console.python())
