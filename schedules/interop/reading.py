"""What the exporters share: taking a schedule apart, and saying what a peer cannot do."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from ..combine.compose import Join, Ramp, Shift
from ..families.inverse_sqrt import InverseSqrt
from ..names import nearest
from ..schedule import Schedule


def with_warmup(ramp: Ramp | None, body: Schedule) -> Schedule:
    """Return the body, after the ramp where there is one."""
    if ramp is None:
        return body
    return Join(parts=(ramp, body), boundaries=(ramp.warmup_steps,))


def apart(schedule: Schedule) -> tuple[Ramp | None, Schedule]:
    """Return the warm-up and what comes after it; no warm-up where the schedule has none in front."""
    if isinstance(schedule, Join) and schedule.boundaries:
        (ramp, *rest), (begin, *others) = schedule.parts, schedule.boundaries
        if isinstance(ramp, Ramp) and ramp.warmup_steps == begin:
            later = tuple(boundary - begin for boundary in others)
            return ramp, Join(parts=tuple(rest), boundaries=later) if later else rest[0]
    if isinstance(schedule, InverseSqrt) and schedule.warmup_steps:
        ramp = Ramp(
            peak_value=schedule.peak_value,
            warmup_steps=schedule.warmup_steps,
            init_value=float(schedule(0)),
            warmup_shape=schedule.warmup_shape,
        )
        timescale = schedule.timescale or schedule.warmup_steps
        return ramp, InverseSqrt(
            peak_value=schedule.peak_value, timescale=timescale, end_value=schedule.end_value
        )
    return None, schedule


def on_run_clock(ramp: Ramp | None, body: Schedule) -> Schedule | None:
    """Return what lies under a body whose dates count the warm-up too; ``None`` where they don't."""
    if ramp is None:
        return body
    if isinstance(body, Shift) and body.by == ramp.warmup_steps:
        return body.schedule
    return None


def linear_warmup(ramp: Ramp | None, peer: str, init_value: float | None = None) -> int:
    """Return the warm-up's length; raise where it is not the straight line that the peer knows."""
    if ramp is None:
        return 0
    if ramp.warmup_shape != "linear":
        raise ValueError(f"{peer} warms up in a straight line only, got the shape {ramp.warmup_shape!r}")
    if init_value is not None and ramp.init_value != init_value:
        raise ValueError(
            f"{peer} starts this warm-up at {init_value:g}, got {ramp.init_value:g}; "
            f"state init_value={init_value:g}"
        )
    return ramp.warmup_steps


def no_equal(schedule: Schedule, peer: str) -> ValueError:
    """Return the error for a schedule that has no exact counterpart."""
    return ValueError(f"{peer} has no exact equal of {schedule!r}")


def call(name: str, builder: Callable[..., Schedule], given: Mapping[str, Any], **ours: Any) -> Schedule:
    """Call a peer's builder; raise where an argument is not one of its own, or is missing.

    Args:
        name: the peer's name for it, for messages.
        builder: the function.
        given: the user's arguments.
        **ours: more arguments, which the user doesn't give by these names.
    """
    takes = {key: p for key, p in inspect.signature(builder).parameters.items() if key not in ours}
    for key in given:
        if key not in takes:
            raise ValueError(f"{name} has no argument {key!r}; {nearest(key, list(takes))}")
    for key, parameter in takes.items():
        if parameter.default is inspect.Parameter.empty and key not in given:
            raise ValueError(f"{name} needs {key}")
    return builder(**given, **ours)
