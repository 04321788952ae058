"""optax's schedules, from their names and arguments and to them; optax is not imported here.

Its clock is ours: the first update sees 0. ``decay_steps`` counts the warm-up in optax, never here.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..compose import Every, Join, Ramp, Shift
from ..constant import Constant
from ..cosine import Cosine
from ..exponential import Exponential
from ..names import Names
from ..polynomial import Linear, Polynomial
from ..schedule import Schedule
from ..step import MultiStep, Step
from ..wsd import WarmupStableDecay
from .pieces import Phases
from .reading import check_known, no_equal, with_warmup

Builder = Callable[..., Schedule]
BUILDERS: Names[Builder] = Names("optax schedule")


def from_optax(name: str, **arguments: Any) -> Schedule:
    """Return the schedule that ``optax.<name>(**arguments)`` makes.

    Where optax logs a line and returns a constant (no steps to go, a rate of 0), this raises.

    Args:
        name: the function's name, as ``"warmup_cosine_decay_schedule"``.
        **arguments: its arguments. ``join_schedules`` takes schedules of ours, or mappings
            ``{"schedule": name, ...}`` as :func:`to_optax` returns.

    Raises:
        ValueError: the name or an argument is unknown or missing, or out of bounds.

    >>> s = from_optax("cosine_decay_schedule", init_value=0.1, decay_steps=10, alpha=0.1)
    >>> round(s(5), 6), round(s(10), 6)
    (0.055, 0.01)
    """
    builder = BUILDERS[name]
    takes = inspect.signature(builder).parameters
    check_known(arguments, list(takes), name)
    for key, parameter in takes.items():
        if parameter.default is inspect.Parameter.empty and key not in arguments:
            raise ValueError(f"{name} needs {key}")
    return builder(**arguments)


def _named(name: str) -> Callable[[Builder], Builder]:
    def add(builder: Builder) -> Builder:
        BUILDERS.add(name, builder)
        return builder

    return add


def _delayed(schedule: Schedule, begin: int) -> Schedule:
    if begin < 0:
        raise ValueError(f"transition_begin must be a whole number >= 0, got {begin}")
    return Shift(schedule=schedule, by=-begin) if begin else schedule


@_named("constant_schedule")
def _constant_schedule(value: float) -> Schedule:
    return Constant(peak_value=value)


@_named("polynomial_schedule")
def _polynomial_schedule(
    init_value: float, end_value: float, power: float, transition_steps: int, transition_begin: int = 0
) -> Schedule:
    curve = Polynomial(peak_value=init_value, end_value=end_value, power=power, total_steps=transition_steps)
    return _delayed(curve, transition_begin)


@_named("linear_schedule")
def _linear_schedule(
    init_value: float, end_value: float, transition_steps: int, transition_begin: int = 0
) -> Schedule:
    curve = Linear(peak_value=init_value, end_value=end_value, total_steps=transition_steps)
    return _delayed(curve, transition_begin)


def _knots(init_value: float, scales: Mapping[int, float] | None) -> tuple[list[int], list[float]]:
    """Return the boundaries in order and the values from each on: every scale multiplies the one before."""
    boundaries = sorted(scales or {})
    values = [init_value]
    for boundary in boundaries:
        values.append(values[-1] * (scales or {})[boundary])
    return boundaries, values


@_named("piecewise_constant_schedule")
def _piecewise_constant_schedule(
    init_value: float, boundaries_and_scales: Mapping[int, float] | None = None
) -> Schedule:
    boundaries, values = _knots(init_value, boundaries_and_scales)
    if len(set((boundaries_and_scales or {}).values())) == 1:
        gamma = next(iter((boundaries_and_scales or {}).values()))
        return MultiStep(peak_value=init_value, milestones=tuple(boundaries), gamma=gamma)
    parts = tuple(Constant(peak_value=v) for v in values)
    return Join(parts=parts, boundaries=tuple(boundaries)) if boundaries else parts[0]


@_named("exponential_decay")
def _exponential_decay(
    init_value: float,
    transition_steps: int,
    decay_rate: float,
    transition_begin: int = 0,
    staircase: bool = False,
    end_value: float | None = None,
) -> Schedule:
    if decay_rate >= 1.0 and end_value is not None:
        raise ValueError(
            f"end_value must not be given with a decay_rate >= 1, got {end_value}: it is a floor here"
        )
    curve: Schedule = Exponential(
        peak_value=init_value, gamma=decay_rate, step_size=transition_steps, end_value=end_value or 0.0
    )
    if staircase:
        curve = Every(schedule=curve, steps=transition_steps)
    return _delayed(curve, transition_begin)


@_named("cosine_decay_schedule")
def _cosine_decay_schedule(
    init_value: float, decay_steps: int, alpha: float = 0.0, exponent: float = 1.0
) -> Schedule:
    return Cosine(
        peak_value=init_value, end_value=init_value * alpha, total_steps=decay_steps, power=exponent
    )


@_named("piecewise_interpolate_schedule")
def _piecewise_interpolate_schedule(
    interpolate_type: str, init_value: float, boundaries_and_scales: Mapping[int, float] | None = None
) -> Schedule:
    if interpolate_type not in ("linear", "cosine"):
        raise ValueError(f"interpolate_type must be one of linear, cosine, got {interpolate_type!r}")
    boundaries, values = _knots(init_value, boundaries_and_scales)
    if not boundaries:
        return Constant(peak_value=init_value)
    shapes = (interpolate_type,) * len(boundaries)
    return Phases(at=(0, *boundaries), values=tuple(values), shapes=shapes)


def _turns(*pairs: tuple[int, float]) -> dict[int, float]:
    """Return boundaries and scales; a run so short that two of them meet loses one in optax."""
    turns = dict(pairs)
    if len(turns) < len(pairs):
        raise ValueError(f"transition_steps is too small: phases end together at {[at for at, _ in pairs]}")
    return turns


@_named("linear_onecycle_schedule")
def _linear_onecycle_schedule(
    transition_steps: int,
    peak_value: float,
    pct_start: float = 0.3,
    pct_final: float = 0.85,
    div_factor: float = 25.0,
    final_div_factor: float = 1e4,
) -> Schedule:
    turns = _turns(
        (int(pct_start * transition_steps), div_factor),
        (int(pct_final * transition_steps), 1.0 / div_factor),
        (transition_steps, 1.0 / final_div_factor),
    )
    return _piecewise_interpolate_schedule("linear", peak_value / div_factor, turns)


@_named("cosine_onecycle_schedule")
def _cosine_onecycle_schedule(
    transition_steps: int,
    peak_value: float,
    pct_start: float = 0.3,
    div_factor: float = 25.0,
    final_div_factor: float = 1e4,
) -> Schedule:
    turns = _turns(
        (int(pct_start * transition_steps), div_factor),
        (transition_steps, 1.0 / (div_factor * final_div_factor)),
    )
    return _piecewise_interpolate_schedule("cosine", peak_value / div_factor, turns)


def _ramp(init_value: float, peak_value: float, warmup_steps: int) -> Ramp | None:
    if warmup_steps == 0:
        return None
    return Ramp(init_value=init_value, peak_value=peak_value, warmup_steps=warmup_steps)


@_named("warmup_constant_schedule")
def _warmup_constant_schedule(init_value: float, peak_value: float, warmup_steps: int) -> Schedule:
    if warmup_steps < 1:
        raise ValueError(
            f"warmup_steps must be a whole number >= 1, got {warmup_steps}: optax stays at init_value"
        )
    return Ramp(init_value=init_value, peak_value=peak_value, warmup_steps=warmup_steps)


@_named("warmup_cosine_decay_schedule")
def _warmup_cosine_decay_schedule(
    init_value: float,
    peak_value: float,
    warmup_steps: int,
    decay_steps: int,
    end_value: float = 0.0,
    exponent: float = 1.0,
) -> Schedule:
    if not warmup_steps < decay_steps:
        raise ValueError(
            f"decay_steps must be > warmup_steps, which it counts, got {decay_steps} and {warmup_steps}"
        )
    steps = decay_steps - warmup_steps
    body = Cosine(peak_value=peak_value, end_value=end_value, total_steps=steps, power=exponent)
    return with_warmup(_ramp(init_value, peak_value, warmup_steps), body)


@_named("warmup_exponential_decay_schedule")
def _warmup_exponential_decay_schedule(
    init_value: float,
    peak_value: float,
    warmup_steps: int,
    transition_steps: int,
    decay_rate: float,
    transition_begin: int = 0,
    staircase: bool = False,
    end_value: float | None = None,
) -> Schedule:
    body = _exponential_decay(
        peak_value, transition_steps, decay_rate, transition_begin, staircase, end_value
    )
    return with_warmup(_ramp(init_value, peak_value, warmup_steps), body)


@_named("sgdr_schedule")
def _sgdr_schedule(cosine_kwargs: Sequence[Mapping[str, Any]]) -> Schedule:
    parts = tuple(from_optax("warmup_cosine_decay_schedule", **kwargs) for kwargs in cosine_kwargs)
    if not parts:
        raise ValueError("cosine_kwargs must hold one cycle or more, got none")
    ends = [sum(kwargs["decay_steps"] for kwargs in cosine_kwargs[: i + 1]) for i in range(len(parts))]
    return Join(parts=parts, boundaries=tuple(ends[:-1])) if len(parts) > 1 else parts[0]


@_named("join_schedules")
def _join_schedules(schedules: Sequence[Any], boundaries: Sequence[int]) -> Schedule:
    parts = [
        from_optax(part["schedule"], **{key: said for key, said in part.items() if key != "schedule"})
        if isinstance(part, Mapping)
        else part
        for part in schedules
    ]
    return Join(parts=tuple(parts), boundaries=tuple(boundaries))


def to_optax(schedule: Schedule) -> dict[str, Any]:
    """Return the optax function and the arguments that make a schedule: ``{"schedule": name, ...}``.

    A joined schedule becomes ``join_schedules`` with one such mapping for each part.

    Raises:
        ValueError: there is no exact equal.

    >>> to_optax(Linear(peak_value=0.1, total_steps=100))["schedule"]
    'linear_schedule'
    """
    match schedule:
        case Constant():
            return {"schedule": "constant_schedule", "value": schedule.peak_value}
        case Linear():
            return _line("linear_schedule", schedule.peak_value, schedule.end_value, schedule.total_steps)
        case Polynomial(k_decay=1.0):
            ends = (schedule.peak_value, schedule.end_value, schedule.total_steps)
            return _line("polynomial_schedule", *ends) | {"power": schedule.power}
        case Ramp(warmup_shape="linear") if schedule.warmup_steps > 0:
            return _line("linear_schedule", schedule.init_value, schedule.peak_value, schedule.warmup_steps)
        case Cosine(k_decay=1.0) if schedule.peak_value > 0.0:
            return {
                "schedule": "cosine_decay_schedule",
                "init_value": schedule.peak_value,
                "decay_steps": schedule.total_steps,
                "alpha": schedule.end_value / schedule.peak_value,
                "exponent": schedule.power,
            }
        case Step() if schedule.gamma > 0.0:
            return _exponential(schedule.peak_value, schedule.step_size, schedule.gamma) | {"staircase": True}
        case Exponential(gamma=float(gamma), end_value=end) if gamma < 1.0 or end == 0.0:
            said = _exponential(schedule.peak_value, schedule.step_size, gamma)
            return said | {"end_value": end} if end else said
        case MultiStep() if len(set(schedule.milestones)) == len(schedule.milestones):
            return {
                "schedule": "piecewise_constant_schedule",
                "init_value": schedule.peak_value,
                "boundaries_and_scales": dict.fromkeys(schedule.milestones, schedule.gamma),
            }
        case WarmupStableDecay():
            return to_optax(_as_join(schedule))
        case Join():
            parts = [to_optax(part) for part in schedule.parts]
            return {"schedule": "join_schedules", "schedules": parts, "boundaries": list(schedule.boundaries)}
    raise no_equal(schedule, "optax")


def _line(name: str, start: float, end: float, steps: int) -> dict[str, Any]:
    return {"schedule": name, "init_value": start, "end_value": end, "transition_steps": steps}


def _exponential(start: float, steps: int, rate: float) -> dict[str, Any]:
    return {
        "schedule": "exponential_decay",
        "init_value": start,
        "transition_steps": steps,
        "decay_rate": rate,
    }


def _as_join(schedule: WarmupStableDecay) -> Schedule:
    """Return a linear or cosine WSD as the join it is."""
    peak, end, decay = schedule.peak_value, schedule.end_value, schedule.decay_steps
    if schedule.warmup_shape != "linear" or schedule.decay_shape not in ("linear", "cosine"):
        raise no_equal(schedule, "optax")
    parts: list[Schedule] = [Constant(peak_value=peak)]
    boundaries: list[int] = []
    if schedule.warmup_steps:
        parts.insert(0, Ramp(init_value=schedule(0), peak_value=peak, warmup_steps=schedule.warmup_steps))
        boundaries.append(schedule.warmup_steps)
    if decay:
        curve = Cosine if schedule.decay_shape == "cosine" else Polynomial
        parts.append(curve(peak_value=peak, end_value=end, total_steps=decay, power=schedule.power))
        boundaries.append(schedule.total_steps - decay)
    return Join(parts=tuple(parts), boundaries=tuple(boundaries)) if boundaries else parts[0]
