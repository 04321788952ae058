"""A schedule as one word of a command line: ``cosine:warmup_steps=5%,end_value=10%``."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ..building import accepted, build
from ..fields import rules
from ..registry import get
from ..schedule import Schedule
from ..units import Horizon
from .recipes import PREFIX, recipe

Settings = dict[str, Any]

ILLUSTRATION: dict[str, Settings] = {
    "step": {"step_size": "25%"},
    "multistep": {"milestones": ["50%", "75%"]},
    "exponential": {"rate": 5, "step_size": "100%", "gamma": None},
    "inverse_time": {"rate": 1, "step_size": "10%"},
    "inverse_sqrt": {"warmup_steps": "10%", "timescale": None},
    "power": {"timescale": "10%", "batch_size": None, "tokens_per_step": None},
    "cosine_restarts": {"cycle_steps": "25%"},
    "cyclic": {"warmup_steps": "12.5%"},
    "wsd_s": {"milestones": ["50%"]},
    "hyperbolic": {"upper_steps": "150%"},
    "piecewise": {
        "steps": ["0%", "10%", "60%", "100%"],
        "values": ["1%", "100%", "40%", "0%"],
        "peak_value": 0.1,
    },
    "multistage": {
        "stage_steps": ["40%", "30%", "15%", "15%"],
        "stage_values": ["100%", "30%", "30%", "0%"],
        "stage_shapes": ["linear", "cosine", "linear", "linear"],
    },
}
"""Settings to show a schedule with where it has no defaults, or defaults that know nothing of the run.

Used only where none of an entry's settings is given; ``None`` leaves one out, but counts as one of them.
"""

LEVELS: dict[str, Settings] = {
    "lr": {"peak_value": 0.1},
    "momentum": {"init_value": 0.95, "peak_value": 0.85},
}
"""As ``ILLUSTRATION``, by hyper-parameter: the values between which a schedule moves."""

_NEXT_SETTING = re.compile(r",(?=\s*\w+=)")  # a comma inside a list is followed by no name


@dataclass(frozen=True)
class Argument:
    """A schedule's name with the settings that were written for it.

    Attributes:
        name: the registered name.
        settings: field -> number, text, list or ``None``.
        text: as it was written.
    """

    name: str
    settings: Settings
    text: str

    @property
    def label(self) -> str:
        """What to call it in a picture: the name, and its own settings where it has some."""
        name, _, settings = self.text.partition(":")
        return f"{name} ({settings.replace(',', ', ')})" if settings else name

    def build(self, horizon: Horizon, added: Mapping[str, Any]) -> Schedule:
        """Build what was written, and what was added for a picture, for a run of that length.

        Raises:
            ValueError: a setting is unknown, missing or out of bounds; the message names it.
        """
        return build(self.name, horizon=horizon, **added, **self.settings)


def read(text: str, shared: Iterable[str] = ()) -> Argument:
    """Read ``NAME`` or ``NAME:key=value,key=value``, the name of a schedule or ``recipe/<name>``.

    Args:
        text: the word; a list's items are separated by commas too, as ``multistep:milestones=30,80``.
        shared: more settings ``key=value``, meant for several schedules; the word's own win.

    Raises:
        ValueError: no schedule is named so, or a setting is not of the form ``key=value``.

    >>> read("multistep:milestones=30,80,gamma=0.5").settings
    {'milestones': [30, 80], 'gamma': 0.5}
    """
    name, colon, own = text.partition(":")
    settings: Settings = {}
    if name.startswith(PREFIX):
        name, settings = recipe(name)
    get(name)
    for setting in [*shared, *(_NEXT_SETTING.split(own) if colon else [])]:
        key, equals, value = (part.strip() for part in setting.partition("="))
        if not (key and equals and value):
            raise ValueError(f"a setting must be key=value, got {setting!r} in {text!r}")
        settings[key] = _value(name, key, value)
    return Argument(name, settings, text)


def _value(name: str, key: str, text: str) -> Any:
    """Return a setting's value: a list where the field holds several, else a number where it is one."""
    field = rules(get(name)).get(key)
    if field is not None and field.many:
        return [_scalar(item) for item in text.strip("[]()").split(",")]
    return _scalar(text)


def _scalar(text: str) -> Any:
    for number in (int, float):
        try:
            return number(text)
        except ValueError:
            continue
    return None if text.lower() in ("none", "null") else text.strip()


def illustrated(argument: Argument, hyper_parameter: str = "lr") -> Settings:
    """Return the settings to add for a picture: what has no default and was not given."""
    own = accepted(argument.name)
    needs_peak = own.get("peak_value") is dataclasses.MISSING
    levels = LEVELS.get(hyper_parameter, {}) if needs_peak else {}
    fields = rules(get(argument.name))
    added: Settings = {}
    for entry in ({key: levels[key] for key in levels if key in fields}, ILLUSTRATION.get(argument.name, {})):
        if not any(key in argument.settings for key in entry):
            added |= {key: setting for key, setting in entry.items() if setting is not None}
    return added


def words(settings: Mapping[str, Any]) -> str:
    """Write settings as they are read: ``"step_size=25%, milestones=50%,75%"``."""

    def written(setting: Any) -> str:
        return ",".join(map(str, setting)) if isinstance(setting, list) else str(setting)

    return ", ".join(f"{key}={written(setting)}" for key, setting in settings.items())
