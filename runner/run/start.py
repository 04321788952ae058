"""One job, from settings to an ended run: the same for a new run and for one that goes on."""

from __future__ import annotations

import dataclasses
import json
import os
import sys
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from omegaconf import DictConfig, OmegaConf

from .. import console
from ..errors import ConfigError, Diverged, Interrupted
from ..record import provenance
from ..record.directory import Ending, Order, RunDirectory, now, write_atomically
from ..settings.address import absolute
from ..settings.config import AUTO, RunSettings, buildable, flat, load
from ..settings.overrides import given, in_force, key_of
from ..sweep import sweep
from ..tracking import courier
from ..training.signals import Stop, listening
from ..training.together import begin, lead, loop

if TYPE_CHECKING:
    from ..training.build import Experiment
    from .result import Result

CONFIG, PLAN, PICTURE = "config.yaml", "plan.json", "plan.png"
STOPPED_EARLY = "stopped_early"  # a tag

Outcome = TypeVar("Outcome")


def run(cfg: DictConfig, path: Path, overridden: list[str]) -> sweep.Summary:
    """Train what ``cfg`` asks for; return what it came to.

    Args:
        cfg: what Hydra composed.
        path: where the run's files go.
        overridden: overrides of the command line.

    Raises:
        ConfigError: before anything starts, and before MLflow has a run.
        Diverged: the loss is not finite; the run is FAILED and holds every step so far.
        Interrupted: a signal; the run is KILLED and holds every step so far.
    """
    settings = load(cfg, overridden)
    if settings.task:
        from ..range_test.start import run as run_range_test

        return run_range_test(cfg, settings, path, overridden)
    directory, messenger = prepare(settings, path)
    from ..training import build  # imports torch, while the messenger's process imports mlflow

    found = None
    if settings.optimizer.get("lr") == AUTO:
        from ..range_test.auto import find

        build.build(buildable(cfg, overridden))  # what is wrong is said before the test
        found = find(settings)
        OmegaConf.update(cfg, "optimizer.lr", found.recommended)
        settings = load(cfg, overridden)
    experiment = lead(settings)
    console.warn(build.lint(experiment.plan, experiment.total_steps))
    console.warn(build.trainer_lint(settings.trainer, experiment))
    _write_artifacts(cfg, experiment, directory)
    tags = _tags(settings, experiment, overridden)
    if found is not None:
        found.write(directory.artifacts)
        tags["optimizer.lr.from"] = found.origin
    name, params = run_name(settings, overridden), _params(settings, experiment)
    held, run_id = announce(settings, experiment, directory, messenger, name, params, tags)
    return perform(settings, experiment, directory, held, messenger, run_id, state=None)


def prepare(settings: RunSettings, path: Path) -> tuple[RunDirectory, courier.Messenger]:
    """Return the directory of a new run, and the messenger that will speak of it.

    Raises:
        ConfigError: the folder holds a run.
    """
    directory = RunDirectory(path)
    if directory.order_file.exists():
        raise ConfigError(
            f"hydra.run.dir must be a new folder, got {console.short(path)}, which holds a run; "
            f"to go on with that one: python -m runner resume={console.short(path)}"
        )
    log = path if sweep.current is None else sweep.current.directory.path
    return directory, courier.current(log / "uploader.log", settings.tracking.patience)


def announce(
    settings: RunSettings,
    experiment: Experiment,
    directory: RunDirectory,
    messenger: courier.Messenger,
    name: str,
    params: dict[str, Any],
    tags: dict[str, str],
) -> tuple[TextIOWrapper, str | None]:
    """Have MLflow make a run; return what holds its directory, and its id where the store answered.

    Raises:
        ConfigError: the store refused it. Nothing is left in the directory that speaks of a run.
    """
    above = sweep.current.begin(settings.tracking, messenger) if sweep.current is not None else None
    held = directory.hold()
    directory.write(
        Order(
            uid=uuid.uuid4().hex,
            uri=absolute(settings.tracking.uri),
            experiment=settings.tracking.experiment,
            name=name,
            params=params,
            tags=provenance.origin().tags | {"directory": str(directory.path)} | tags,
            started=now(),
            parent=os.path.relpath(above.path, directory.path) if above is not None else None,
            every=settings.tracking.every,
            plan=experiment.specs(),
            total_steps=experiment.total_steps,
        )
    )
    try:
        return held, messenger.open(directory, settings.tracking.offline)
    except ConfigError:
        directory.order_file.unlink()  # MLflow knows nothing of it, and nothing was trained
        raise


def perform(
    settings: RunSettings,
    experiment: Experiment,
    directory: RunDirectory,
    held: TextIOWrapper,
    messenger: courier.Messenger,
    run_id: str | None,
    state: dict[str, Any] | None,
) -> sweep.Summary:
    """Train from a checkpoint's state, or from the start, to the end; report it."""
    from .result import result

    started = time.perf_counter()

    def work(stop: Stop) -> tuple[Ending, Result]:
        early = _train(settings, experiment, directory, messenger, stop, state)
        outcome = result(directory, experiment.plan, time.perf_counter() - started)
        return Ending("FINISHED", now(), outcome.figures(), _said_of(outcome) | early), outcome

    outcome = carry_out(work, settings, directory, held, messenger)
    return _report(settings, directory, outcome, run_id)


def carry_out(
    work: Callable[[Stop], tuple[Ending, Outcome]],
    settings: RunSettings,
    directory: RunDirectory,
    held: TextIOWrapper,
    messenger: courier.Messenger,
) -> Outcome:
    """Do a run's work; write the ending that it or its exception gives; have it delivered.

    ``held`` says to others that the run is in training; it is given back when the ending is written.
    """
    try:
        with held, listening() as stop:  # a signal that comes when all is done changes nothing
            try:
                ending, outcome = work(stop)
                messenger.end(directory, ending)
            except BaseException as error:
                messenger.end(directory, _early(error))
                raise
    finally:
        if sweep.current is None or not sweep.current.is_mine:  # else it waits once, for all of its jobs
            deliver(settings.tracking.patience, [directory], messenger)
    return outcome


def _train(
    settings: RunSettings,
    experiment: Experiment,
    directory: RunDirectory,
    messenger: courier.Messenger,
    stop: Stop,
    state: dict[str, Any] | None,
) -> dict[str, str]:
    """Run the loop between opening and closing the journals; return what is to be said of its end."""
    from ..record.journal import Journal, read

    done = int(state["step"]) if state else 0
    past = []
    if state and directory.evaluations.exists():
        judged = read(directory.evaluations)
        past = [float(loss) for loss in judged["val/loss"][judged["step"] <= done]]
    first_step = begin(experiment, state, past)
    journal = Journal(directory.steps, [*experiment.write(first_step), *experiment.update.columns])
    evaluations = Journal(
        directory.evaluations, ["val/loss", *(f"val/{name}" for name in experiment.data.task.metrics)]
    )
    name = directory.order.name
    with console.progress(name, experiment.total_steps, first_step) as move:

        def on_progress(finished: int, loss: float, values: dict[str, float]) -> None:
            move(finished, loss, values)
            messenger.keep_alive()

        with journal, evaluations:
            finished, early_stop = loop(
                settings,
                experiment,
                first_step=first_step,
                past=past,
                checkpoint=directory.checkpoint,
                journal=journal,
                evaluations=evaluations,
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


def _early(error: BaseException) -> Ending:
    """Return the ending of a run that stopped before its last step."""
    tags = {"reason": str(error) or repr(error)}
    if isinstance(error, Diverged):
        tags["diverged.step"] = str(error.step)
        tags |= {} if error.last_loss is None else {"diverged.last_loss": repr(error.last_loss)}
    killed = isinstance(error, (Interrupted, KeyboardInterrupt))
    return Ending("KILLED" if killed else "FAILED", now(), tags=tags)


def _said_of(outcome: Result) -> dict[str, str]:
    """Return the label that says whether the optimizer followed the plan."""
    if outcome.parted is None:
        return {"plan.followed": "true"}
    step, name = outcome.parted
    print(f"warning: from step {step} on, {name} was not what the plan says", file=sys.stderr)
    return {"plan.followed": f"no: {name} at step {step}"}


def deliver(patience: float, directories: list[RunDirectory], messenger: courier.Messenger) -> None:
    """Wait for the messenger; when the store is too slow, say what is left and how to send it."""
    with suppress(KeyboardInterrupt):  # the run itself has ended: only the waiting is broken off
        if messenger.wait(directories, patience):
            return
    for directory in directories:
        if directory.order_file.exists() and not directory.delivered:
            why = messenger.complaint(directory)
            print(
                f"warning: MLflow has not taken all of this run{f' ({why})' if why else ''}; "
                f"nothing is lost. Left: {courier.left(directory)}. To send it:\n"
                f"  python -m runner sync {console.short(directory.path)}",
                file=sys.stderr,
            )


def _report(
    settings: RunSettings, directory: RunDirectory, outcome: Result, run_id: str | None
) -> sweep.Summary:
    """Show what came out, or leave it to the sweep's table."""
    name = directory.order.name
    sent = directory.sent
    run_id = run_id or (sent.run_id if sent is not None else "not in MLflow yet")
    final = outcome.final
    summary = sweep.Summary(
        name, run_id, final.loss, final.metrics.get("accuracy"), outcome.seconds, directory
    )
    if sweep.current is not None:
        return summary
    what = f"{settings.model['name']} on {settings.dataset['name']}"
    console.show_run(name, what, outcome, run_id, settings.tracking.uri, directory)
    console.show_next(directory.order.tags.get("experiment"))
    return summary


def _write_artifacts(cfg: DictConfig, experiment: Experiment, directory: RunDirectory) -> None:
    """Write what becomes the run's artifacts: the config, the plan and its picture, where it comes from."""
    directory.artifacts.mkdir(exist_ok=True)
    provenance.write(directory.artifacts)
    keep_config(cfg, directory)
    keep_plan(experiment, directory)


def keep_config(cfg: DictConfig, directory: RunDirectory) -> None:
    """Write the resolved config."""
    write_atomically(directory.artifacts / CONFIG, OmegaConf.to_yaml(cfg, resolve=True).encode())


def keep_plan(experiment: Experiment, directory: RunDirectory) -> None:
    """Write the plan and its picture, for people; what a resume goes by is in the order."""
    from schedules.show.plot import save

    write_atomically(directory.artifacts / PLAN, json.dumps(experiment.specs(), indent=1).encode())
    save(directory.artifacts / PICTURE, {"plan": dict(experiment.plan)}, experiment.total_steps)


def run_name(settings: RunSettings, overridden: list[str]) -> str:
    """Return what tells a run from its neighbours: recipe, schedule, peak rate, seed, what else is varied."""
    peak = peak_rate(settings)
    rate = [f"lr={peak:g}"] if peak is not None else []
    recipe = [name] if (name := experiment_name(overridden)) is not None else []
    told = {"experiment", "schedule", "optimizer.lr", "schedule.lr.peak_value", "seed"}
    varied = sweep.current.varied - told if sweep.current is not None else set()
    others = [o for o in in_force(overridden) if key_of(o) in varied]
    return " ".join([*recipe, schedule_name(settings, overridden), *rate, *others, f"seed={settings.seed}"])


def peak_rate(settings: RunSettings) -> float | None:
    """Return the peak of the learning rate; ``None`` where there is none."""
    node = settings.schedule.get("lr")
    peak = node.get("peak_value") if isinstance(node, dict) else node
    if not isinstance(peak, (int, float)):
        peak = settings.optimizer.get("lr")  # a user's own optimizer may have no rate of that name
    return peak if isinstance(peak, (int, float)) else None


def experiment_name(overridden: list[str]) -> str | None:
    """Return the recipe of ``conf/experiment/`` that was chosen; ``None`` where none was."""
    chosen = given(overridden).get("experiment")
    return chosen if chosen != "null" else None


def schedule_name(settings: RunSettings, overridden: list[str]) -> str:
    """Return the preset's name where one was chosen and left as it is, else that of the rate's schedule."""
    keys = given(overridden)
    if "schedule" in keys and not keys.keys() & {"schedule.lr", "schedule.lr.name"}:
        return keys["schedule"]
    node = settings.schedule.get("lr", "none")
    return str(node["name"]) if isinstance(node, dict) else "none" if node == "none" else "constant"


def _params(settings: RunSettings, experiment: Experiment) -> dict[str, Any]:
    """Return the settings of the run, flat, and what they came to."""
    nodes = dataclasses.asdict(settings)
    params = flat({key: value for key, value in nodes.items() if key not in ("tracking", "sweep")})
    if (peak := peak_rate(settings)) is not None:
        params["peak_lr"] = peak
    return params | {
        "processes": experiment.ranks.count,
        "total_steps": experiment.total_steps,
        "steps_per_epoch": experiment.batches.steps_per_epoch,
        "parameters": sum(p.numel() for p in experiment.model.parameters()),
    }


def _tags(settings: RunSettings, experiment: Experiment, overridden: list[str]) -> dict[str, str]:
    tags = {f"plan.{name}": repr(schedule) for name, schedule in experiment.plan.items()}
    if sweep.current is not None:
        tags["sweep"] = sweep.current.title
    if settings.sweep.stage:
        tags["sweep.stage"] = settings.sweep.stage
    if (recipe := experiment_name(overridden)) is not None:
        tags["experiment"] = recipe
    return tags | {"schedule": schedule_name(settings, overridden)}
