"""From a name and settings to a schedule, with warm-up, shift and stairs composed around it."""

from __future__ import annotations

import dataclasses
from typing import Any

from .compose import Every, Join, Ramp, Shift
from .fields import resolve, rules
from .names import nearest
from .registry import get
from .schedule import Schedule
from .units import Horizon
from .units import steps as in_steps
from .units import value as as_value

AROUND: dict[str, str] = {
    "warmup_steps": "length of a warm-up in front, counted in total_steps [steps, >= 0]",
    "warmup_shape": "shape of the warm-up, a name in SHAPES (default linear)",
    "init_value": "first value of the warm-up (default peak / (warmup_steps + 1), so the first update moves)",
    "shift": "read the schedule this many steps ahead (default 0)",
    "every": "hold the value for whole intervals of this length, as '1ep' [steps, >= 1]",
}
"""Settings that :func:`build` takes for every schedule that has no field of that name."""


def accepted(name: str) -> dict[str, Any]:
    """Return every setting that ``build(name, ...)`` takes, with its default (``MISSING`` if needed)."""
    own = {f.name: f.default for f in dataclasses.fields(get(name))}
    return own | {key: None for key in ("total_steps", *AROUND) if key not in own}


def build(name: str, *, horizon: Horizon | None = None, **settings: Any) -> Schedule:
    """Return the schedule of that name, with what was asked for composed around it.

    Args:
        name: a registered name.
        horizon: what ``"5%"``, ``"3ep"``, ``"2e6ex"`` and ``"1e9tok"`` are measured against. Without
            one, ``total_steps`` must be a number wherever a percentage is used.
        **settings: the schedule's own fields, and those in ``AROUND``; ``None`` leaves the default.
            ``total_steps`` defaults to the horizon's and always counts the warm-up.

    Raises:
        ValueError: the name or a setting is unknown, a needed one is missing, or a value is out of
            bounds. The message names the setting.

    >>> s = build("cosine", total_steps=1000, peak_value=0.1, end_value="10%", warmup_steps="5%")
    >>> round(s(0), 6), s(50), s(1000)
    (0.001961, 0.1, 0.01)
    """
    cls = get(name)
    known = accepted(name)
    given = {key: setting for key, setting in settings.items() if setting is not None}
    for key in given:
        if key not in known:
            raise ValueError(f"{name} has no field {key!r}; {nearest(key, list(known))}")
    if horizon is None:
        length = given.get("total_steps")
        horizon = Horizon(total_steps=None if length is None else in_steps(length, Horizon(), "total_steps"))
    total_steps = in_steps(given.pop("total_steps", horizon.total_steps) or 0, horizon, "total_steps")
    around = {key: given.pop(key) for key in AROUND if key in given and key not in rules(cls)}
    return _dress(_bare(cls, given, horizon, total_steps, around), horizon, total_steps, around)


def _bare(
    cls: type[Any], given: dict[str, Any], horizon: Horizon, total_steps: int, around: dict[str, Any]
) -> Any:
    """Build the class itself, its lengths in steps, its share of the run without the warm-up."""
    table = rules(cls)
    if "total_steps" in table:
        if total_steps < 1:
            raise ValueError(f"{cls.name} needs total_steps")
        warmup = in_steps(around.get("warmup_steps", 0), horizon, "warmup_steps")
        if warmup >= total_steps:
            raise ValueError(f"warmup_steps must be < total_steps, got {warmup} >= {total_steps}")
        given = given | {"total_steps": total_steps - warmup}
    for field in dataclasses.fields(cls):
        if field.name not in given:
            if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
                raise ValueError(f"{cls.name} needs {field.name}")
            if isinstance(field.default, str) and table[field.name].rule.unit in ("steps", "value"):
                given = given | {field.name: field.default}
    peak = given.get("peak_value")
    peak = as_value(peak, None, "peak_value") if peak is not None else None
    plain = {key: resolve(table[key], setting, horizon, peak) for key, setting in given.items()}
    return cls(**plain)


def _dress(body: Any, horizon: Horizon, total_steps: int, around: dict[str, Any]) -> Any:
    """Put warm-up, shift and stairs around a schedule."""
    schedule = body
    warmup = in_steps(around.get("warmup_steps", 0), horizon, "warmup_steps")
    if warmup < 0:
        raise ValueError(f"warmup_steps must be a whole number >= 0, got {warmup}")
    if warmup and total_steps and warmup > total_steps:
        raise ValueError(f"warmup_steps must be <= total_steps, got {warmup} > {total_steps}")
    if warmup:
        schedule = _warm_up(body, warmup, around)
    if around.get("shift"):
        schedule = Shift(schedule=schedule, by=around["shift"])
    if around.get("every") is not None:
        schedule = Every(schedule=schedule, steps=in_steps(around["every"], horizon, "every"))
    return schedule


def _warm_up(body: Any, warmup: int, around: dict[str, Any]) -> Any:
    """Put a ramp in front: a decay starts after it, while dated drops keep the run's clock."""
    peak = body(0)
    if getattr(body, "on_run_clock", False):
        if body(warmup) != peak:
            raise ValueError(f"warmup_steps must end before the first change of value, got {warmup}")
        body = Shift(schedule=body, by=warmup)
    ramp = Ramp(
        peak_value=peak,
        warmup_steps=warmup,
        init_value=as_value(around.get("init_value", peak / (warmup + 1)), peak, "init_value"),
        warmup_shape=around.get("warmup_shape", "linear"),
    )
    return Join(parts=(ramp, body), boundaries=(warmup,))
