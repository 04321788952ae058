"""One job, from composed config to ended MLflow run."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from omegaconf import DictConfig, OmegaConf

from schedules.plot import save

from . import __version__, screen, sweep
from .build import Experiment, build, lint
from .config import RunSettings, flat, load
from .errors import Diverged, Interrupted
from .journal import Journal
from .train import Result, train

SHIP_SECONDS = 5.0  # how far MLflow may be behind while a run goes on


def run(cfg: DictConfig, directory: Path, overridden: list[str]) -> sweep.Summary:
    """Train what ``cfg`` asks for; return what it came to.

    Args:
        cfg: what Hydra composed.
        directory: where the run's files go.
        overridden: overrides of the command line.

    Raises:
        ConfigError: before anything starts, and before MLflow has a run.
        Diverged: the loss is not finite; the run is FAILED and holds every step so far.
        Interrupted: a signal; the run is KILLED and holds every step so far.
    """
    settings = load(cfg, overridden)
    experiment = build(settings)
    screen.warn(lint(experiment.plan, experiment.total_steps))
    from .tracking import Store, source_tags  # slow to import: only once the settings are right

    store = Store(settings.tracking.uri, settings.tracking.experiment)
    name = f"{_schedule_name(settings, overridden)} lr={settings.optimizer.get('lr')} seed={settings.seed}"
    tags = source_tags() | _tags(settings, experiment, overridden)
    if sweep.current is not None:
        tags["mlflow.parentRunId"] = sweep.current.parent(store)
    mlflow_run = store.start(name, _params(settings, experiment), tags)

    steps, evaluations = directory / "steps.journal", directory / "evaluations.journal"
    try:
        with _signals():
            _write_files(cfg, experiment, directory)
            mlflow_run.attach(directory / "config.yaml", directory / "plan.png")
            with screen.progress(name, experiment.total_steps) as move:
                result = _train(
                    experiment, steps, evaluations, _and_ship(move, mlflow_run, steps, evaluations)
                )
            mlflow_run.ship(steps, evaluations)
            mlflow_run.finish("FINISHED", _figures(result))
    except BaseException as error:
        _end_early(mlflow_run, error, steps, evaluations)
        raise
    what = f"{settings.model['name']} on {settings.dataset['name']}"
    if sweep.current is None:
        screen.show_run(name, what, result, mlflow_run.run_id, store.given, store.find_url(mlflow_run.run_id))
        screen.show_next()
    summary = sweep.Summary(name, mlflow_run.run_id, result.final.loss, result.final.accuracy, result.seconds)
    if sweep.current is not None:
        sweep.current.finished.append(summary)
    return summary


def _train(experiment: Experiment, steps: Path, evaluations: Path, on_progress: Any) -> Result:
    """Run the loop between opening and closing the journals."""
    journal = Journal(steps, [*experiment.plan, "loss"])
    judged = Journal(evaluations, ["val/loss", "val/accuracy"])
    try:
        return train(
            model=experiment.model,
            optimizer=experiment.optimizer,
            write=experiment.write,
            batches=experiment.batches,
            loss_of=experiment.loss_of,
            total_steps=experiment.total_steps,
            evaluate_at=experiment.evaluate_at,
            journal=journal,
            evaluations=judged,
            on_progress=on_progress,
        )
    finally:
        journal.close()
        judged.close()


def _and_ship(move: Any, mlflow_run: Any, *journals: Path) -> Any:
    """Return ``move``, also sending what the journals hold to MLflow every few seconds."""
    sent = time.monotonic()

    def moved(finished: int, loss: float, values: dict[str, float]) -> None:
        nonlocal sent
        move(finished, loss, values)
        if time.monotonic() - sent > SHIP_SECONDS:
            mlflow_run.ship(*journals)
            sent = time.monotonic()

    return moved


def _end_early(mlflow_run: Any, error: BaseException, *journals: Path) -> None:
    """Send what there is and close the MLflow run with the reason."""
    mlflow_run.ship(*(path for path in journals if path.exists()))
    reason = str(error) or repr(error)
    if isinstance(error, Diverged):
        last = {} if error.last_loss is None else {"diverged.last_loss": repr(error.last_loss)}
        mlflow_run.finish("FAILED", tags={"diverged.step": str(error.step), "reason": reason} | last)
    else:
        status = "KILLED" if isinstance(error, (Interrupted, KeyboardInterrupt)) else "FAILED"
        mlflow_run.finish(status, tags={"reason": reason})


@contextmanager
def _signals() -> Iterator[None]:
    """Turn SIGINT, SIGTERM and SIGHUP into :class:`Interrupted`; a second one acts as if untouched."""
    caught = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.getsignal(number) for number in caught}

    def stop(number: int, frame: FrameType | None) -> None:
        for each in caught:
            signal.signal(each, signal.SIG_DFL)
        raise Interrupted(number)

    try:
        for number in caught:
            signal.signal(number, stop)
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _write_files(cfg: DictConfig, experiment: Experiment, directory: Path) -> None:
    """Write the resolved config and the picture of the plan."""
    (directory / "config.yaml").write_text(OmegaConf.to_yaml(cfg, resolve=True))
    save(directory / "plan.png", {"plan": dict(experiment.plan)}, experiment.total_steps)


def _schedule_name(settings: RunSettings, overridden: list[str]) -> str:
    """Return the preset's name where one was chosen, else the name of the rate's schedule."""
    chosen = [o.partition("=")[2] for o in overridden if o.lstrip("+").startswith("schedule=")]
    if chosen:
        return chosen[-1]
    node = settings.schedule.get("lr", {})
    return str(node.get("name", "schedule")) if isinstance(node, dict) else "constant"


def _params(settings: RunSettings, experiment: Experiment) -> dict[str, Any]:
    """Return the settings of the run, flat, and what they came to."""
    groups = {
        "schedule": settings.schedule,
        "model": settings.model,
        "dataset": settings.dataset,
        "optimizer": settings.optimizer,
        "trainer": vars(settings.trainer),
        "seed": settings.seed,
        "total_steps": experiment.total_steps,
        "steps_per_epoch": experiment.batches.steps_per_epoch,
        "parameters": sum(p.numel() for p in experiment.model.parameters()),
    }
    return flat(groups)


def _tags(settings: RunSettings, experiment: Experiment, overridden: list[str]) -> dict[str, str]:
    plan = {f"plan.{name}": repr(schedule) for name, schedule in experiment.plan.items()}
    return plan | {"schedule": _schedule_name(settings, overridden), "version": __version__}


def _figures(result: Result) -> dict[str, float]:
    """Return the figures that MLflow's tables sort by: they show a metric's last value only."""
    return {
        "final/val_loss": result.final.loss,
        "final/val_accuracy": result.final.accuracy,
        "best/val_loss": min(e.loss for e in result.evaluations),
        "best/val_accuracy": result.best.accuracy,
        "final/loss": result.loss,
        "seconds": result.seconds,
    }
