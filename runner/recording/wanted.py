"""What a script says of the run that it records, and what follows: its parameters, its name, its identity."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Annotated, Any

import schedules

from ..errors import ConfigError
from ..settings.address import refuse_password
from ..settings.config import TrackingSettings, flat, made
from ..settings.environment import default_tracking
from ..settings.rules import Positive, Rule, Whole, settle

LONGEST_NAME = 120  # of a folder; file systems allow 255


@dataclass
class Wanted:
    """The arguments of ``runner.record``, checked.

    Attributes:
        schedule: what the schedule is called, or the schedule itself.
        lr: the peak rate.
        seed: initial weights and order of the data; runs of one seed are compared in pairs.
        sweep: the name of the sweep that the run is part of.
        total_steps: the updates that are planned.
        settings: the run's other settings, flat.
        tracking: where the run goes.
    """

    schedule: Any = "none"
    lr: Positive | None = None
    seed: Annotated[int, Rule(low=0, high=2**63, below=True, whole=True)] = 0
    sweep: str | None = None
    total_steps: Whole | None = None
    settings: dict[str, Any] = field(default_factory=dict)
    tracking: TrackingSettings = field(default_factory=TrackingSettings)

    def __post_init__(self) -> None:
        if self.seed is None:
            raise ConfigError("seed must be a whole number >= 0 and < 2^63, got None")
        settle(self, "")
        self.settings = {key: _plain(key, value) for key, value in flat(self.settings).items()}
        if not isinstance(self.schedule, str):
            self.total_steps = self.total_steps or schedules.planned_steps(self._checked_schedule())
        elif not self.schedule.strip():
            raise ConfigError("schedule must be a name or a schedule, got an empty text")
        if self.sweep is not None and not re.fullmatch(r"[\w][\w .=+-]*", str(self.sweep)):
            raise ConfigError(
                f"sweep must be a name of letters, digits, spaces and . _ = + -, got {self.sweep!r}"
            )
        for name in self.settings.keys() & self._own().keys():
            raise ConfigError(f"{name} must be given once, got it among the settings, too")

    def _checked_schedule(self) -> Any:
        if not isinstance(self.schedule, schedules.Schedule) or isinstance(self.schedule, type):
            raise ConfigError(f"schedule must be a name or a schedule, got {self.schedule!r}")
        return self.schedule

    @property
    def plan(self) -> dict[str, Any]:
        """The schedules that are followed, by the column of the steps; empty where only a name is known."""
        return {} if isinstance(self.schedule, str) else {"lr": self.schedule}

    @property
    def specs(self) -> dict[str, Any]:
        """The plan as plain data that rebuilds it.

        Raises:
            ConfigError: a schedule is none that can be written down.
        """
        try:
            return {name: dict(schedules.to_spec(each)) for name, each in self.plan.items()}
        except (TypeError, ValueError) as error:
            raise ConfigError(f"schedule: {error}") from error

    @property
    def schedule_name(self) -> str:
        """What the schedule is called."""
        return str(self.specs["lr"]["name"]) if self.plan else str(self.schedule)

    def _own(self) -> dict[str, Any]:
        spec = self.specs.get("lr", {"name": self.schedule})
        rate = {} if self.lr is None else {"peak_lr": self.lr, "optimizer.lr": self.lr}
        steps = {} if self.total_steps is None else {"total_steps": self.total_steps}
        return flat({"schedule": {"lr": spec}}) | rate | {"seed": self.seed} | steps

    def params(self) -> dict[str, Any]:
        """Return what MLflow is told as parameters, under the names that the runner's own runs have."""
        return self._own() | self.settings

    def name(self) -> str:
        """Return what the run is called in MLflow, like the runner's own."""
        rate = [] if self.lr is None else [f"lr={self.lr:g}"]
        others = [f"{key}={value}" for key, value in self.settings.items()]
        return " ".join([self.schedule_name, *rate, *others, f"seed={self.seed}"])[:250]

    def folder(self) -> str:
        """Return the name of the run's folder: readable, and another one where any setting is another."""
        told = json.dumps(self.params(), sort_keys=True, default=str)
        digest = hashlib.sha256(told.encode()).hexdigest()[:8]
        readable = re.sub(r"[^\w.=+-]+", "_", self.name())[:LONGEST_NAME]
        return f"{readable}-{digest}"


def tracking_of(given: Mapping[str, Any] | None) -> TrackingSettings:
    """Return where a run goes: what MLflow's variables and the defaults say, but for what is given.

    Raises:
        ConfigError: there is no such setting, or it is impossible.
    """
    plain = default_tracking()
    tracking = made(TrackingSettings, {**vars(plain), **(given or {})}, "tracking")
    for name in ("uri", "experiment"):
        if not str(getattr(tracking, name)).strip():
            raise ConfigError(f"tracking.{name} must not be empty")
    refuse_password(tracking.uri)
    settle(tracking, "tracking")
    return tracking


def _plain(key: str, value: Any) -> Any:
    """Return a setting's value as one that prints the same in every run.

    Raises:
        ConfigError: it is an object whose text differs from run to run.
    """
    if isinstance(value, (list, tuple)):
        return [_plain(key, each) for each in value]
    if isinstance(value, PurePath):
        return str(value)
    if not isinstance(value, (str, int, float, bool, type(None))) and callable(getattr(value, "item", None)):
        value = value.item()  # of numpy
    if not isinstance(value, (str, int, float, bool, type(None))):
        raise ConfigError(
            f"{key} must be a text, a number, true, false, none, or a list or mapping of these, "
            f"got {type(value).__name__}; its name is enough to compare by"
        )
    return value
