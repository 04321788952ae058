"""Resume a run that stopped: the same run in MLflow, as if it never had."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig, OmegaConf

from schedules.names import nearest

from ..errors import ConfigError
from ..record import keys
from ..record.directory import Ending, Order, RunDirectory, find, locate
from ..record.journal import count
from ..record.result import JobResult
from ..settings.config import RunSettings, flat, load
from ..settings.overrides import parse
from ..settings.purposes import may_change
from ..settings.trainer import BUDGETS
from ..training import ranks
from .artifacts import CONFIG, keep_config, keep_plan, write_budget
from .context import Context
from .lifecycle import say_of_store

if TYPE_CHECKING:
    from ..training.experiment import Experiment


LATEST = "latest"


def resume(which: str, overrides: list[str], context: Context) -> JobResult:
    """Resume the run that ``which`` names: its directory, its MLflow id or its beginning, or ``latest``.

    The journal's rows after the last checkpoint are repeated and compared, not written again; so every step
    is in MLflow once, and equals what a run that never stopped would have.

    Args:
        which: a run's directory, its MLflow id (looked for below ``outputs``), or ``latest``: the one of
            those below ``outputs`` that began last and has not finished.
        overrides: settings that may differ from the run's: a larger budget extends the plan, where the
            schedules allow that without changing what was done.
        context: what this process offers to its runs.

    Raises:
        ConfigError: there is no such run, it is being trained, it has finished, or a setting may not change.
    """
    directory = newest_stopped() if which == LATEST else locate(which)
    if keys.RECORDED in directory.order.tags:
        raise ConfigError(
            "resume must name a run of this command, got one that a script recorded: start that script again "
            "(runner.record(..., resume=True) goes on with it)"
        )
    lock = directory.hold()
    saved: Any = OmegaConf.load(directory.artifacts / CONFIG)
    if saved.get("task"):
        raise ConfigError(
            "resume must name a run that trains, got a range test: it takes seconds, begin anew"
        )
    _drop_unused_budgets(saved, directory)
    say_of_store(directory.order.uri, directory.order.experiment)
    wanted = _apply(saved, overrides)
    settings = _settings(saved, wanted, overrides)
    write_budget(wanted, settings.trainer)
    ending = directory.ending
    messenger = context.messenger(directory.path / "uploader.log", settings.tracking.patience)
    from ..training import checkpoint
    from ..training.plans import plan_of
    from .perform import perform

    recorded = count(directory.steps)
    state = checkpoint.load(directory.checkpoint, at_most=recorded)
    _refuse_other_team(state)
    experiment = context.trainer.build(settings, plan_of(directory.order.plan), fresh=state is None)
    _refuse_ended(ending, recorded, experiment.total_steps, _same_patience(saved, wanted))
    experiment = _continued(directory, experiment, wanted, state, recorded)
    directory.end_file.unlink(missing_ok=True)
    try:
        messenger.open(directory, settings.tracking.offline)
    except ConfigError:
        if ending is not None:
            directory.write(ending)
        raise
    return perform(settings, experiment, directory, context, messenger, lock, state)


def newest_stopped() -> RunDirectory:
    """Return the run that began last of those that have not finished; a sweep's jobs are its own matter."""
    stopped = [
        each
        for each in find(Path("outputs"))
        if each.parent is None
        and (each.artifacts / CONFIG).is_file()
        and (each.ending is None or each.ending.status != "FINISHED")
    ]
    if not stopped:
        raise ConfigError("resume=latest needs a run below outputs/ that has not finished; there is none")
    return max(stopped, key=lambda each: each.order.started)


def _drop_unused_budgets(saved: DictConfig, directory: RunDirectory) -> None:
    """Leave the budget that the run had, where older versions kept a recipe's beside it."""
    named = [name for name in BUDGETS if OmegaConf.select(saved, f"trainer.{name}") is not None]
    for name in named if len(named) > 1 else []:
        if directory.order.params.get(f"trainer.{name}") is None:
            OmegaConf.update(saved, f"trainer.{name}", None)


def _refuse_other_team(state: dict[str, Any] | None) -> None:
    """Raise where a checkpoint is of more or fewer processes than train now."""
    if state and len(state["random"]) != ranks.count():
        raise ConfigError(
            f"the run must go on with as many processes as before ({len(state['random'])}), "
            f"got {ranks.count()}"
        )


def _refuse_ended(ending: Ending | None, recorded: int, total_steps: int, same_patience: bool) -> None:
    """Raise where a run has ended and no setting that was changed lets it go on."""
    from .perform import STOPPED_EARLY

    early = ending.tags.get(STOPPED_EARLY, "no") if ending is not None else "no"
    if early != "no" and same_patience:
        raise ConfigError(
            f"resume must name a run with steps left, got one that stopped early {early}; "
            "a larger trainer.early_stop_patience, or null, lets it go on"
        )
    if ending is not None and ending.status == "FINISHED" and total_steps <= recorded:
        raise ConfigError(
            f"resume must name a run with steps left, got one that has done {recorded} of "
            f"{total_steps}; a larger trainer.epochs or trainer.steps extends it"
        )


def _continued(
    directory: RunDirectory,
    experiment: Experiment,
    wanted: DictConfig,
    state: dict[str, Any] | None,
    recorded: int,
) -> Experiment:
    """Return the experiment to go on with, its plan extended to a larger budget; write that down."""
    from ..training import checkpoint

    order, done = directory.order, int(state["step"]) if state else 0
    known = [checkpoint.fingerprint_of(experiment.plan), *order.past_plans]
    if state and state["plan"] not in known:
        raise ConfigError(f"the plan in {directory.path} is not the one that its checkpoint was trained with")
    if experiment.total_steps != order.total_steps:
        # What the journal holds past the checkpoint is repeated under the plan that it was made with.
        experiment = experiment.extended(max(done, recorded))
        order.past_plans.append(known[0])
        order.plan, order.total_steps = experiment.specs(), experiment.total_steps
        keep_config(wanted, directory)  # before the order: a crash in between extends once more, from there
        _show_extended(experiment)
    order.changed = _changed(order, wanted)
    order.resumed.append(done)
    directory.write(order)
    keep_plan(experiment, directory)
    return experiment


def _changed(order: Order, wanted: DictConfig) -> dict[str, Any]:
    """Return the params that are no longer what MLflow was told when the run began."""
    now = flat(OmegaConf.to_container(wanted))
    wide = {key: now.get(key) for key in may_change() if key in order.params}
    # Changed back, it is still told: MLflow has the tag of the value in between.
    return {k: value for k, value in wide.items() if value != order.params[k] or k in order.changed}


def _apply(saved: Any, overrides: list[str]) -> DictConfig:
    """Return the saved config with the command line's values put in."""
    wanted = OmegaConf.create(OmegaConf.to_container(saved))
    assert isinstance(wanted, DictConfig)
    known = flat(saved)
    for override in parse(overrides):
        key = override.key_or_group
        if isinstance(OmegaConf.select(saved, key), DictConfig):
            raise ConfigError(
                f"{key} is a group, and may not be chosen anew when a run goes on; "
                f"what may change: {', '.join(may_change())}"
            )
        if key not in known:
            raise ConfigError(f"there is no setting {key!r}; {nearest(key, list(known))}")
        OmegaConf.update(wanted, key, override.value())
    return wanted


def _settings(saved: Any, wanted: DictConfig, overrides: list[str]) -> RunSettings:
    """Return the settings to go on with; refuse changes that would make it another run."""
    before, after = flat(OmegaConf.to_container(saved)), flat(OmegaConf.to_container(wanted))
    changed = {key for key in before | after if before.get(key) != after.get(key)} - set(may_change())
    if changed:
        lines = [f"{key}: {before.get(key)!r} -> {after.get(key)!r}" for key in sorted(changed)]
        raise ConfigError("these settings may not change when a run goes on: " + "; ".join(lines))
    return load(wanted, overrides)


def _same_patience(saved: Any, wanted: Any) -> bool:
    """Whether the settings that stopped a run early are as they were."""
    names = ("trainer.early_stop_patience", "trainer.early_stop_min_delta")
    return all(OmegaConf.select(saved, name) == OmegaConf.select(wanted, name) for name in names)


def _show_extended(experiment: Experiment) -> None:
    """Print how a plan was extended."""
    print(f"the plan is extended to {experiment.total_steps} steps:")
    for name, schedule in experiment.plan.items():
        print(f"  {name}: {schedule!r}")
