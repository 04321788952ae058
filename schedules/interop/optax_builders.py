"""optax's schedules, each built from its own arguments."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..combine.compose import Every, Join, Ramp, Shift
from ..families.constant import Constant
from ..families.cosine import Cosine
from ..families.exponential import Exponential
from ..families.piecewise import Piecewise
from ..families.polynomial import Linear, Polynomial
from ..families.step import MultiStep
from ..names import Names
from ..schedule import Schedule
from .reading import call, with_warmup

Builder = Callable[..., Schedule]
BUILDERS: Names[Builder] = Names("optax schedule")


def make(name: str, arguments: Mapping[str, Any]) -> Schedule:
    """Return the schedule of that name; raise where an argument is not one of its own, or is missing."""
    return call(name, BUILDERS[name], arguments)


def _delayed(schedule: Schedule, begin: int) -> Schedule:
    if begin < 0:
        raise ValueError(f"transition_begin must be a whole number >= 0, got {begin}")
    return Shift(schedule=schedule, by=-begin) if begin else schedule


@BUILDERS.entry("constant_schedule")
def _constant_schedule(value: float) -> Schedule:
    return Constant(peak_value=value)


@BUILDERS.entry("polynomial_schedule")
def _polynomial_schedule(
    init_value: float, end_value: float, power: float, transition_steps: int, transition_begin: int = 0
) -> Schedule:
    curve = Polynomial(peak_value=init_value, end_value=end_value, power=power, total_steps=transition_steps)
    return _delayed(curve, transition_begin)


@BUILDERS.entry("linear_schedule")
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


@BUILDERS.entry("piecewise_constant_schedule")
def _piecewise_constant_schedule(
    init_value: float, boundaries_and_scales: Mapping[int, float] | None = None
) -> Schedule:
    boundaries, values = _knots(init_value, boundaries_and_scales)
    if len(set((boundaries_and_scales or {}).values())) == 1:
        gamma = next(iter((boundaries_and_scales or {}).values()))
        return MultiStep(peak_value=init_value, milestones=tuple(boundaries), gamma=gamma)
    parts = tuple(Constant(peak_value=v) for v in values)
    return Join(parts=parts, boundaries=tuple(boundaries)) if boundaries else parts[0]


@BUILDERS.entry("exponential_decay")
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


@BUILDERS.entry("cosine_decay_schedule")
def _cosine_decay_schedule(
    init_value: float, decay_steps: int, alpha: float = 0.0, exponent: float = 1.0
) -> Schedule:
    return Cosine(
        peak_value=init_value, end_value=init_value * alpha, total_steps=decay_steps, power=exponent
    )


@BUILDERS.entry("piecewise_interpolate_schedule")
def _piecewise_interpolate_schedule(
    interpolate_type: str, init_value: float, boundaries_and_scales: Mapping[int, float] | None = None
) -> Schedule:
    if interpolate_type not in ("linear", "cosine"):
        raise ValueError(f"interpolate_type must be one of linear, cosine, got {interpolate_type!r}")
    boundaries, values = _knots(init_value, boundaries_and_scales)
    if not boundaries:
        return Constant(peak_value=init_value)
    return Piecewise(steps=(0, *boundaries), values=tuple(values), between=(interpolate_type,))


def _turns(*pairs: tuple[int, float]) -> dict[int, float]:
    """Return boundaries and scales; a run so short that two of them meet loses one in optax."""
    turns = dict(pairs)
    if len(turns) < len(pairs):
        raise ValueError(f"transition_steps is too small: phases end together at {[at for at, _ in pairs]}")
    return turns


@BUILDERS.entry("linear_onecycle_schedule")
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


@BUILDERS.entry("cosine_onecycle_schedule")
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


@BUILDERS.entry("warmup_constant_schedule")
def _warmup_constant_schedule(init_value: float, peak_value: float, warmup_steps: int) -> Schedule:
    if warmup_steps < 1:
        raise ValueError(
            f"warmup_steps must be a whole number >= 1, got {warmup_steps}: optax stays at init_value"
        )
    return Ramp(init_value=init_value, peak_value=peak_value, warmup_steps=warmup_steps)


@BUILDERS.entry("warmup_cosine_decay_schedule")
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
    end = end_value if peak_value else 0.0  # optax states the end as a part of the peak: 0 of 0
    body = Cosine(peak_value=peak_value, end_value=end, total_steps=steps, power=exponent)
    return with_warmup(_ramp(init_value, peak_value, warmup_steps), body)


@BUILDERS.entry("warmup_exponential_decay_schedule")
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


@BUILDERS.entry("sgdr_schedule")
def _sgdr_schedule(cosine_kwargs: Sequence[Mapping[str, Any]]) -> Schedule:
    parts = tuple(_warmup_cosine_decay_schedule(**kwargs) for kwargs in cosine_kwargs)
    if not parts:
        raise ValueError("cosine_kwargs must hold one cycle or more, got none")
    ends = [sum(kwargs["decay_steps"] for kwargs in cosine_kwargs[: i + 1]) for i in range(len(parts))]
    return Join(parts=parts, boundaries=tuple(ends[:-1])) if len(parts) > 1 else parts[0]


@BUILDERS.entry("join_schedules")
def _join_schedules(schedules: Sequence[Any], boundaries: Sequence[int]) -> Schedule:
    parts = [
        make(part["schedule"], {key: said for key, said in part.items() if key != "schedule"})
        if isinstance(part, Mapping)
        else part
        for part in schedules
    ]
    return Join(parts=tuple(parts), boundaries=tuple(boundaries))
