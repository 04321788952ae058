"""From a name and settings to a schedule, with warm-up, shift and stairs composed around it."""

from __future__ import annotations

import dataclasses
from typing import Any

from .combine.compose import Every, Join, Ramp, Shift
from .combine.warmup import UntunedWarmup
from .fields import check, resolve, rules
from .names import nearest
from .registry import get
from .schedule import Schedule, knots
from .shapes import first_value
from .units import Horizon
from .units import steps as in_steps
from .units import value as as_value

WARMUP: dict[str, str] = {
    "warmup_steps": "length of a warm-up in front, counted in total_steps [steps, >= 0]",
    "warmup_shape": "shape of the warm-up, a name in SHAPES or logarithmic (default linear)",
    "init_value": "first value of the warm-up (default peak / (warmup_steps + 1), so the first update moves)",
    "warmup_beta2": "Adam's beta2: a warm-up as long as it asks for, linear, exponential or radam",
}
"""Settings that :func:`build` takes for every schedule without a warm-up of its own."""

AROUND: dict[str, str] = WARMUP | {
    "shift": "read the schedule this many steps ahead (default 0)",
    "every": "hold the value for whole intervals of this length, as '1ep' [steps, >= 1]",
}
"""Settings that :func:`build` takes beside a schedule's own fields."""


def accepted(name: str) -> dict[str, Any]:
    """Return every setting that ``build(name, ...)`` takes, with its default (``MISSING`` if needed)."""
    own = {f.name: f.default for f in dataclasses.fields(get(name))}
    around = [key for key in AROUND if not ("warmup_steps" in own and key in WARMUP)]
    return own | {key: None for key in ("total_steps", *around) if key not in own}


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
    around = _around(
        {key: given.pop(key) for key in AROUND if key in given and key not in rules(cls)}, horizon
    )
    bare = _bare(cls, given, horizon, total_steps, around)
    if total_steps and around.get("warmup_steps", 0) > total_steps:
        raise ValueError(f"warmup_steps must be <= total_steps, got {around['warmup_steps']} > {total_steps}")
    return _dress(bare, around)


def _around(given: dict[str, Any], horizon: Horizon) -> dict[str, Any]:
    """Return the settings around a schedule in plain numbers, each checked by its own name."""
    sources = {"warmup_steps": (Ramp, "warmup_steps"), "every": (Every, "steps"), "shift": (Shift, "by")}
    sources["warmup_beta2"] = (UntunedWarmup, "beta2")
    sources["warmup_shape"] = (UntunedWarmup if "warmup_beta2" in given else Ramp, "warmup_shape")
    plain = dict(given)
    for key, (cls, field) in sources.items():
        if key in given:
            rule = dataclasses.replace(rules(cls)[field], name=key)
            plain[key] = resolve(rule, given[key], horizon, None)
            check(rule, plain[key])
    if not {"warmup_steps", "warmup_beta2"} & given.keys():
        for key in ("init_value", "warmup_shape"):
            if key in given:
                raise ValueError(f"{key} needs warmup_steps: without a warm-up it has no meaning")
    if "warmup_beta2" in given:
        if plain.get("warmup_steps"):
            raise ValueError("give warmup_steps or warmup_beta2, not both")
        if "init_value" in given:
            raise ValueError("init_value has no meaning with warmup_beta2, which sets the first factor")
    return plain


def _bare(
    cls: type[Any], given: dict[str, Any], horizon: Horizon, total_steps: int, around: dict[str, Any]
) -> Any:
    """Build the class itself, its lengths in steps, its share of the run without the warm-up."""
    table = rules(cls)
    if "total_steps" in table:
        if total_steps < 1:
            raise ValueError(f"{cls.name} needs total_steps")
        warmup = around.get("warmup_steps", 0)
        given = given | {"total_steps": max(1, total_steps - warmup)}
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


def _dress(body: Any, around: dict[str, Any]) -> Any:
    """Put warm-up, shift and stairs around a schedule."""
    warmup = around.get("warmup_steps", 0)
    schedule = body
    if "warmup_beta2" in around:
        shape = around.get("warmup_shape", "linear")
        schedule = UntunedWarmup(schedule=body, beta2=around["warmup_beta2"], warmup_shape=shape)
    elif around.keys() & WARMUP.keys():
        schedule = _warm_up(body, warmup, around)
    if around.get("shift"):
        schedule = Shift(schedule=schedule, by=around["shift"])
    if "every" in around:
        schedule = Every(schedule=schedule, steps=around["every"])
    return schedule


def _warm_up(body: Any, warmup: int, around: dict[str, Any]) -> Any:
    """Put a ramp in front: a decay starts after it, while dated drops keep the run's clock."""
    peak = body(0)
    rest = body
    if getattr(body, "on_run_clock", False) and warmup:
        if body(warmup) != peak and not getattr(body, "warms_up_to_its_curve", False):
            first = min(knots(body, warmup), default=1)
            raise ValueError(
                f"warmup_steps must end before the first change of value, at step {first}, got {warmup}: "
                "a warm-up moves no dates; exponential decays from the warm-up's end on, and "
                f"join(ramp, schedule, at={warmup}) counts the schedule's steps from there"
            )
        peak = body(warmup)
        rest = Shift(schedule=body, by=warmup)
    ramp = Ramp(
        peak_value=peak,
        warmup_steps=warmup,
        init_value=as_value(around.get("init_value", first_value(peak, warmup)), peak, "init_value"),
        warmup_shape=around.get("warmup_shape", "linear"),
    )
    return Join(parts=(ramp, rest), boundaries=(warmup,)) if warmup else body
