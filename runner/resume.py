"""Go on with a run that stopped: the same run in MLflow, as if it never had."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import DictConfig, OmegaConf

from schedules.names import nearest

from . import courier, sweep
from .config import RunSettings, flat, load
from .directory import Order, RunDirectory, find
from .errors import ConfigError
from .job import CONFIG, keep_config, keep_plan, perform
from .journal import count

if TYPE_CHECKING:
    from schedules.pytorch import Plan

    from .build import Experiment

MAY_CHANGE = (
    "trainer.epochs",
    "trainer.steps",
    "trainer.checkpoint_seconds",
    "trainer.checkpoint_steps",
    "trainer.threads",
    "trainer.device",
    "tracking.patience",
    "tracking.offline",
)
ROOT = Path("outputs")


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
    from . import checkpoint
    from .build import build

    order = directory.order
    experiment = build(settings, plan=_plan(order))
    recorded = count(directory.steps)
    state = checkpoint.load(directory.checkpoint, experiment.device, at_most=recorded)
    done = int(state["step"]) if state else 0
    if ending is not None and ending.status == "FINISHED" and experiment.total_steps <= recorded:
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


def locate(which: str, root: Path = ROOT) -> RunDirectory:
    """Return the directory of a run, named by its path or by its MLflow id.

    Raises:
        ConfigError: there is none, or the beginning of an id fits several.
    """
    path = Path(which)
    if (path / "run.json").exists():
        return RunDirectory(path)
    fitting = [d for d in find(root) if d.sent is not None and d.sent.run_id.startswith(which)]
    if len(fitting) == 1:
        return fitting[0]
    found = "none" if not fitting else f"{len(fitting)}: {', '.join(str(d.path) for d in fitting)}"
    raise ConfigError(
        f"resume must be a run's directory, or the id of one below {root}/, got {which!r} ({found})"
    )


def _apply(saved: Any, overrides: list[str]) -> DictConfig:
    """Return the saved config with the command line's values put in."""
    asked = OmegaConf.create(OmegaConf.to_container(saved))
    assert isinstance(asked, DictConfig)
    known = flat(saved)
    for override in OverridesParser.create().parse_overrides(overrides):
        key = override.get_key_element().lstrip("+~")
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


def _plan(order: Order) -> Plan:
    """Return the plan that the run has followed so far."""
    import schedules
    from schedules.pytorch import Plan

    return Plan(**{name: schedules.from_spec(spec) for name, spec in order.plan.items()})


def _tell(experiment: Experiment) -> None:
    """Say how a plan was extended."""
    print(f"the plan is extended to {experiment.total_steps} steps:")
    for name, schedule in experiment.plan.items():
        print(f"  {name}: {schedule!r}")
