"""Go on with a run that stopped: the same run in MLflow, as if it never had."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig, OmegaConf

from schedules.names import nearest

from ..errors import ConfigError
from ..record.directory import locate
from ..record.journal import count
from ..settings.config import RunSettings, flat, load
from ..settings.overrides import parse
from ..sweep import sweep
from ..tracking import courier
from ..training import ranks
from ..training.together import lead
from .start import CONFIG, STOPPED_EARLY, keep_config, keep_plan, perform

if TYPE_CHECKING:
    from ..training.build import Experiment

MAY_CHANGE = (
    "trainer.epochs",
    "trainer.steps",
    "trainer.tokens",
    "trainer.early_stop_patience",
    "trainer.early_stop_min_delta",
    "trainer.keep_best",
    "trainer.keep_every",
    "trainer.keep_most",
    "trainer.checkpoint_seconds",
    "trainer.checkpoint_steps",
    "trainer.threads",
    "trainer.device",
    "tracking.patience",
    "tracking.offline",
)


def resume(which: str, overrides: list[str]) -> sweep.Summary:
    """Go on with the run that ``which`` names: its directory, its MLflow id or the beginning of it.

    The journal's rows after the last checkpoint are repeated and compared, not written again; so every step
    is in MLflow once, and equals what a run that never stopped would have.

    Args:
        which: a run's directory, or its MLflow id (looked for below ``outputs``).
        overrides: settings that may differ from the run's: a larger budget extends the plan, where the
            schedules allow that without changing what was done.

    Raises:
        ConfigError: there is no such run, it is being trained, it has finished, or a setting may not change.
    """
    directory = locate(which)
    held = directory.hold()
    saved: Any = OmegaConf.load(directory.artifacts / CONFIG)
    if saved.get("task"):
        raise ConfigError(
            "resume must name a run that trains, got a range test: it takes seconds, begin anew"
        )
    asked = _apply(saved, overrides)
    settings = _settings(saved, asked, overrides)
    ending = directory.ending
    messenger = courier.current(directory.path / "uploader.log", settings.tracking.patience)
    from ..training import checkpoint
    from ..training.build import plan_of

    order = directory.order
    recorded = count(directory.steps)
    state = checkpoint.load(directory.checkpoint, at_most=recorded)
    done = int(state["step"]) if state else 0
    if state and len(state["random"]) != ranks.count():
        raise ConfigError(
            f"the run must go on with as many processes as before ({len(state['random'])}), "
            f"got {ranks.count()}"
        )
    experiment = lead(settings, plan_of(order.plan), fresh=state is None)
    finished = ending is not None and ending.status == "FINISHED"
    early = ending.tags.get(STOPPED_EARLY, "no") if ending is not None else "no"
    if early != "no" and _same_patience(saved, asked):
        raise ConfigError(
            f"resume must name a run with steps left, got one that stopped early {early}; "
            "a larger trainer.early_stop_patience, or null, lets it go on"
        )
    if finished and experiment.total_steps <= recorded:
        raise ConfigError(
            f"resume must name a run with steps left, got one that has done {recorded} of "
            f"{experiment.total_steps}; a larger trainer.epochs or trainer.steps extends it"
        )
    known = [checkpoint.fingerprint_of(experiment.plan), *order.past_plans]
    if state and state["plan"] not in known:
        raise ConfigError(f"the plan in {directory.path} is not the one that its checkpoint was trained with")
    if experiment.total_steps != order.total_steps:
        # What the journal holds past the checkpoint is repeated under the plan that it was made with.
        experiment = experiment.extended(max(done, recorded))
        order.past_plans.append(known[0])
        order.plan, order.total_steps = experiment.specs(), experiment.total_steps
        keep_config(asked, directory)  # before the order: a crash in between extends once more, from there
        _tell(experiment)
    order.resumed.append(done)
    directory.write(order)
    keep_plan(experiment, directory)
    directory.end_file.unlink(missing_ok=True)
    try:
        run_id = messenger.open(directory, settings.tracking.offline)
    except ConfigError:
        if ending is not None:
            directory.write(ending)
        raise
    return perform(settings, experiment, directory, held, messenger, run_id, state)


def _apply(saved: Any, overrides: list[str]) -> DictConfig:
    """Return the saved config with the command line's values put in."""
    asked = OmegaConf.create(OmegaConf.to_container(saved))
    assert isinstance(asked, DictConfig)
    known = flat(saved)
    for override in parse(overrides):
        key = override.key_or_group
        if isinstance(OmegaConf.select(saved, key), DictConfig):
            raise ConfigError(
                f"{key} is a group, and may not be chosen anew when a run goes on; "
                f"what may change: {', '.join(MAY_CHANGE)}"
            )
        if key not in known:
            raise ConfigError(f"there is no setting {key!r}; {nearest(key, list(known))}")
        OmegaConf.update(asked, key, override.value())
    return asked


def _settings(saved: Any, asked: DictConfig, overrides: list[str]) -> RunSettings:
    """Return the settings to go on with; refuse changes that would make it another run."""
    before, after = flat(OmegaConf.to_container(saved)), flat(OmegaConf.to_container(asked))
    changed = {key for key in before | after if before.get(key) != after.get(key)} - set(MAY_CHANGE)
    if changed:
        lines = [f"{key}: {before.get(key)!r} -> {after.get(key)!r}" for key in sorted(changed)]
        raise ConfigError("these settings may not change when a run goes on: " + "; ".join(lines))
    return load(asked, overrides)


def _same_patience(saved: Any, asked: Any) -> bool:
    """Whether the settings that stopped a run early are as they were."""
    names = ("trainer.early_stop_patience", "trainer.early_stop_min_delta")
    return all(OmegaConf.select(saved, name) == OmegaConf.select(asked, name) for name in names)


def _tell(experiment: Experiment) -> None:
    """Say how a plan was extended."""
    print(f"the plan is extended to {experiment.total_steps} steps:")
    for name, schedule in experiment.plan.items():
        print(f"  {name}: {schedule!r}")
