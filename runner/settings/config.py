"""The settings of a run: their types, and what is checked before anything starts."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar, get_args, get_type_hints

from hydra.core.config_store import ConfigStore
from omegaconf import DictConfig, ListConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from ..errors import ConfigError
from .address import refuse_password
from .overrides import given
from .rules import (
    NotNegative,
    Purpose,
    Rule,
    Whole,
    number,
    open_numbers,
    purposes,
    setting,
    settle,
)
from .trainer import TrainerSettings, check, choose_budget

if TYPE_CHECKING:
    from schedules.names import Names

Settings = TypeVar("Settings", "RunSettings", TrainerSettings, "TrackingSettings", "SweepSettings")

AUTO = "auto"  # an optimizer.lr that the range test is to find
GROUPS = ("schedule", "model", "dataset", "optimizer")


@dataclass
class TrackingSettings:
    """Where runs are kept.

    Attributes:
        uri: MLflow store: ``sqlite:///file`` or the address of a server.
        experiment: MLflow experiment, made when it is missing.
        every: send one step in so many to MLflow [>= 1]; the journal and ``curves.parquet`` have all.
        offline: train also while the store does not answer; ``python -m runner sync`` sends later.
        patience: how long to go on trying after the run's end [seconds, >= 0].
    """

    uri: str = setting("sqlite:///mlflow.db", decides=False)
    experiment: str = setting("schedule-lab", decides=False)
    every: Whole = setting(1, decides=False)
    offline: bool = setting(False, decides=False, may_change=True)
    patience: NotNegative = setting(60.0, decides=False, may_change=True)


@dataclass
class SweepSettings:
    """What concerns a sweep as a whole.

    Attributes:
        plan: only say what the sweep would do: jobs, steps, time, points, the schedules drawn.
        resume: a sweep's directory, or the id of its parent run: the same command runs what is missing.
        stage: ``tune`` or ``final`` in a sweep that first finds the peak rate; set by the sweeper.
    """

    plan: bool = setting(False, decides=False)
    resume: str | None = setting(None, decides=False)
    stage: str = setting("", decides=False)


@dataclass
class RunSettings:
    """One run. The four groups are nodes with a ``name`` and the fields of what is registered under it.

    So is ``task``, which is empty where the task is to train.
    """

    schedule: dict[str, Any] = field(default_factory=dict)
    model: dict[str, Any] = field(default_factory=dict)
    dataset: dict[str, Any] = field(default_factory=dict)
    optimizer: dict[str, Any] = field(default_factory=dict)
    task: dict[str, Any] = field(default_factory=dict)
    trainer: TrainerSettings = field(default_factory=TrainerSettings)
    tracking: TrackingSettings = field(default_factory=TrackingSettings)
    sweep: SweepSettings = field(default_factory=SweepSettings)
    seed: Annotated[int, Rule(low=0, high=2**63, below=True, whole=True)] = 0
    plugins: list[str] = setting([], decides=False)


@functools.cache
def _purposes() -> dict[str, Purpose]:
    return purposes(RunSettings)


def purpose_of(path: str) -> Purpose:
    """Return what the setting of a path is for; a field of a group has the purpose of its group."""
    known = _purposes()
    while path and path not in known:
        path = path.rpartition(".")[0]
    return known.get(path, Purpose())


def may_change() -> list[str]:
    """Return the settings that a run that goes on may have another value of."""
    return [path for path, purpose in _purposes().items() if purpose.may_change]


def deciding(flat_settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return those of some settings, flat, that decide what a run comes to; 1e4 and 10000 are one number."""
    return {
        path: int(value) if isinstance(value, float) and value.is_integer() else value
        for path, value in flat_settings.items()
        if purpose_of(path).decides
    }


def register_schema() -> None:
    """Give Hydra the types. The groups stay open: the registries check them, with better messages."""
    schema = OmegaConf.structured(open_numbers(RunSettings))
    for group in GROUPS:
        OmegaConf.set_struct(schema[group], False)
    ConfigStore.instance().store(name="run_schema", node=schema)


def refuse_moving(hydra: Any) -> None:
    """Raise for what would move or lose a run's files: settings of Hydra that the runner does not follow.

    Raises:
        ConfigError: the working directory would change: relative addresses as that of the store with it.
    """
    if hydra.job.chdir:
        raise ConfigError(
            "hydra.job.chdir must be false, got true: the store and all relative paths would move with it"
        )


def load(cfg: DictConfig, overridden: list[str]) -> RunSettings:
    """Return the composed config as plain settings, interpolations resolved.

    Args:
        cfg: what Hydra composed.
        overridden: the overrides given on the command line: a budget named there replaces another.

    Raises:
        ConfigError: a value is missing or impossible.
    """
    try:
        plain: Any = OmegaConf.to_container(cfg, resolve=True, throw_on_missing=True)
        settings = made(RunSettings, plain)
        settings.trainer = made(TrainerSettings, plain["trainer"], "trainer")
        settings.tracking = made(TrackingSettings, plain["tracking"], "tracking")
        settings.sweep = made(SweepSettings, plain.get("sweep", {}), "sweep")
    except OmegaConfBaseException as error:
        raise ConfigError(str(error)) from error
    for group in GROUPS:
        if not isinstance(getattr(settings, group), dict) or not getattr(settings, group):
            raise ConfigError(f"{group} must be one of the group's options, got {getattr(settings, group)!r}")
    for group, chosen in given(overridden).items():
        if group in GROUPS and chosen.startswith("["):
            raise ConfigError(
                f"{group} must be one option, got {chosen}; to train each: -m {group}={chosen.strip('[]')}"
            )
    for name in ("uri", "experiment"):
        if not getattr(settings.tracking, name).strip():
            raise ConfigError(f"tracking.{name} must not be empty")
    refuse_password(settings.tracking.uri)
    import_plugins(settings.plugins)
    choose_budget(settings.trainer, overridden)
    check(settings.trainer)
    settle(settings.tracking, "tracking")
    settle(settings, "")
    return settings


def made(kind: type[Settings], node: Mapping[Any, Any], where: str = "") -> Settings:
    """Return settings made from a node of the config.

    Raises:
        ConfigError: there is no such setting: ``+`` adds a key that Hydra would have refused.
    """
    from schedules.names import nearest

    known = [each.name for each in dataclasses.fields(kind)]
    for name in node:
        if name not in known:
            place = f" in {where}" if where else ""
            raise ConfigError(f"there is no setting {name!r}{place}; {nearest(str(name), known)}")
    return kind(**{str(name): value for name, value in node.items()})


def buildable(cfg: DictConfig, overridden: list[str]) -> RunSettings:
    """Return the settings, with a rate of 1 where a range test is to find it: enough to see what is wrong."""
    settings = load(cfg, overridden)
    if settings.optimizer.get("lr") != AUTO:
        return settings
    told = OmegaConf.merge(cfg, {"optimizer": {"lr": 1.0}})
    assert isinstance(told, DictConfig)
    return load(told, overridden)


def import_plugins(plugins: list[str]) -> None:
    """Import the user's packages, so that what they register has a name."""
    for plugin in plugins:
        try:
            import_module(plugin)
        except ModuleNotFoundError as error:
            if error.name is None or not f"{plugin}.".startswith(f"{error.name}."):
                raise
            raise ConfigError(f"plugins must be importable packages, got {plugin!r}: {error}") from error


def named(table: Names[type], group: str, node: dict[str, Any]) -> Any:
    """Return what is registered under the node's ``name``, made from the node's other fields.

    Raises:
        ConfigError: the name or a field is unknown, or a value has the wrong type or is out of bounds.
    """
    from schedules.names import nearest  # here, so that --help doesn't wait for numpy

    fields = dict(node)
    try:
        name = fields.pop("name")
    except KeyError:
        raise ConfigError(f"{group} needs a name: {', '.join(table)}") from None
    try:
        schema = OmegaConf.structured(table[name])
        known = list(schema)  # a field without a default is not "in" the schema itself
        for key in fields:
            if key not in known:
                raise ConfigError(f"{group} ({name}) has no field {key!r}; {nearest(key, known)}")
        whole = {key: number(value, int) for key, value in fields.items() if isinstance(value, float)}
        kinds = get_type_hints(table[name])
        fields |= {key: value for key, value in whole.items() if value is not None and _is_whole(kinds[key])}
        OmegaConf.set_readonly(schema, False)
        return OmegaConf.to_object(OmegaConf.merge(schema, fields))
    except OmegaConfBaseException as error:
        reason = str(error.msg or error).splitlines()[0]
        raise ConfigError(f"{group}.{error.full_key or name}: {reason}") from error
    except ValueError as error:
        raise ConfigError(f"{group}: {error}") from error


def _is_whole(kind: Any) -> bool:
    return kind is int or (int in get_args(kind) and float not in get_args(kind))


def flat(node: Any, prefix: str = "") -> dict[str, Any]:
    """Return nested mappings as one level: ``{"optimizer.lr": 0.3}``. Lists stay whole."""
    items: dict[str, Any] = {}
    for key, value in node.items():
        path = f"{prefix}{key}"
        if isinstance(value, (dict, DictConfig)):
            items |= flat(value, f"{path}.")
        else:
            items[path] = list(value) if isinstance(value, ListConfig) else value
    return items


def yaml_of(file: Path) -> dict[str, Any]:
    """Return a config that was written, with its interpolations resolved."""
    plain: Any = OmegaConf.to_container(OmegaConf.load(file), resolve=True)
    return dict(plain)
