"""The schedules that ``transformers.get_scheduler`` knows, each built from its own arguments."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise

from ..combine.compose import Join, Ramp, Shift
from ..families.constant import Constant
from ..families.cosine import Cosine, CosineRestarts
from ..families.inverse_sqrt import InverseSqrt
from ..families.polynomial import Linear, Polynomial
from ..families.wsd import WarmupStableDecay
from ..names import Names
from ..schedule import Schedule
from .pieces import through
from .reading import with_warmup

Builder = Callable[..., Schedule]
BUILDERS: Names[Builder] = Names("transformers schedule")
WSD_SHAPES = {"linear": "linear", "cosine": "cosine", "1-sqrt": "one_minus_sqrt"}


def _after_warmup(rate: float, num_warmup_steps: int, body: Schedule) -> Schedule:
    if num_warmup_steps == 0:
        return body
    return with_warmup(Ramp(init_value=0.0, peak_value=rate, warmup_steps=num_warmup_steps), body)


def _decay_steps(num_warmup_steps: int, num_training_steps: int) -> int:
    """Return the length of the decay; a run that ends in its warm-up has one that is never reached."""
    return max(1, num_training_steps - num_warmup_steps)


def _waves(peak: float, low: float, steps: int, num_cycles: float) -> Schedule:
    """``num_cycles`` whole cosine waves in ``steps``; a half is the usual way down. Then it holds."""
    if num_cycles == 0.5:
        return Cosine(peak_value=peak, end_value=low, total_steps=steps)
    if num_cycles <= 0:
        raise ValueError(f"num_cycles must be a number > 0, got {num_cycles!r}")
    halves = Fraction(num_cycles) * 2
    count = math.ceil(halves)
    at = tuple(float(steps * i / halves) for i in range(count + 1))
    values = tuple(low if i % 2 else peak for i in range(count + 1))
    waves = through(at, values, ("cosine",) * count)
    if halves.denominator == 1:
        return waves
    return Join(parts=(waves, Constant(peak_value=waves(float(steps)))), boundaries=(steps,))


@BUILDERS.entry("constant")
def _constant(*, rate: float) -> Schedule:
    return Constant(peak_value=rate)


@BUILDERS.entry("constant_with_warmup")
def _constant_with_warmup(*, rate: float, num_warmup_steps: int) -> Schedule:
    return _after_warmup(rate, num_warmup_steps, Constant(peak_value=rate))


@BUILDERS.entry("linear")
def _linear(*, rate: float, num_warmup_steps: int, num_training_steps: int) -> Schedule:
    steps = _decay_steps(num_warmup_steps, num_training_steps)
    return _after_warmup(rate, num_warmup_steps, Linear(peak_value=rate, total_steps=steps))


@BUILDERS.entry("cosine")
def _cosine(
    *, rate: float, num_warmup_steps: int, num_training_steps: int, num_cycles: float = 0.5
) -> Schedule:
    steps = _decay_steps(num_warmup_steps, num_training_steps)
    return _after_warmup(rate, num_warmup_steps, _waves(rate, 0.0, steps, num_cycles))


@BUILDERS.entry("cosine_with_restarts")
def _cosine_with_restarts(
    *, rate: float, num_warmup_steps: int, num_training_steps: int, num_cycles: int = 1
) -> Schedule:
    steps = _decay_steps(num_warmup_steps, num_training_steps)
    if num_cycles < 1:
        raise ValueError(f"num_cycles must be a whole number >= 1, got {num_cycles!r}")
    if num_cycles == int(num_cycles) and steps % num_cycles == 0:
        cycles = int(num_cycles)
        body: Schedule = CosineRestarts(peak_value=rate, cycle_steps=steps // cycles, cycles=cycles)
        return _after_warmup(rate, num_warmup_steps, body)
    count = math.ceil(num_cycles)
    edges = [float(Fraction(steps) * i / Fraction(num_cycles)) for i in range(count + 1)]
    twice = [edge for pair in pairwise(edges) for edge in pair]  # down to 0, and at once up again
    body = through(twice, (rate, 0.0) * count, ("cosine",) * (2 * count - 1))
    if num_cycles != count:
        body = Join(parts=(body, Constant(peak_value=0.0)), boundaries=(steps,))
    return _after_warmup(rate, num_warmup_steps, body)


@BUILDERS.entry("polynomial")
def _polynomial(
    *,
    rate: float,
    num_warmup_steps: int,
    num_training_steps: int,
    lr_end: float = 1e-7,
    power: float = 1.0,
) -> Schedule:
    if not lr_end < rate:
        raise ValueError(f"lr_end must be < learning_rate, got {lr_end} >= {rate}")
    steps = _decay_steps(num_warmup_steps, num_training_steps)
    body = Polynomial(peak_value=rate, end_value=lr_end, total_steps=steps, power=power)
    return _after_warmup(rate, num_warmup_steps, body)


@BUILDERS.entry("inverse_sqrt")
def _inverse_sqrt(*, rate: float, num_warmup_steps: int, timescale: int | None = None) -> Schedule:
    body = InverseSqrt(peak_value=rate, timescale=timescale or num_warmup_steps or 10_000)
    return _after_warmup(rate, num_warmup_steps, body)


def _floor(rate: float, min_lr: float | None, min_lr_rate: float | None) -> float:
    if (min_lr is None) == (min_lr_rate is None):
        raise ValueError(f"exactly one of min_lr and min_lr_rate must be given, got {min_lr}, {min_lr_rate}")
    return min_lr if min_lr is not None else rate * (min_lr_rate or 0.0)


@BUILDERS.entry("cosine_with_min_lr")
def _cosine_with_min_lr(
    *,
    rate: float,
    num_warmup_steps: int,
    num_training_steps: int,
    num_cycles: float = 0.5,
    min_lr: float | None = None,
    min_lr_rate: float | None = None,
) -> Schedule:
    steps = _decay_steps(num_warmup_steps, num_training_steps)
    body = _waves(rate, _floor(rate, min_lr, min_lr_rate), steps, num_cycles)
    return _after_warmup(rate, num_warmup_steps, body)


@BUILDERS.entry("cosine_warmup_with_min_lr")
def _cosine_warmup_with_min_lr(
    *,
    rate: float,
    num_warmup_steps: int,
    num_training_steps: int,
    num_cycles: float = 0.5,
    min_lr: float | None = None,
    min_lr_rate: float | None = None,
    warmup_lr_rate: float | None = None,
) -> Schedule:
    """One step ahead: at the peak in the warm-up's last step, at the floor in the run's last."""
    steps = _decay_steps(num_warmup_steps, num_training_steps)
    waves = _waves(rate, _floor(rate, min_lr, min_lr_rate), steps, num_cycles)
    body = Shift(schedule=waves, by=1.0)
    if num_warmup_steps == 0:
        return body
    start = rate / num_warmup_steps if warmup_lr_rate is None else rate * warmup_lr_rate
    ramp = Ramp(init_value=start, peak_value=rate, warmup_steps=max(1, num_warmup_steps - 1))
    return Join(parts=(ramp, body), boundaries=(num_warmup_steps,))


@BUILDERS.entry("warmup_stable_decay")
def _warmup_stable_decay(
    *,
    rate: float,
    num_warmup_steps: int,
    num_decay_steps: int,
    num_training_steps: int | None = None,
    num_stable_steps: int | None = None,
    warmup_type: str = "linear",
    decay_type: str = "cosine",
    min_lr_ratio: float = 0.0,
    num_cycles: float = 0.5,
) -> Schedule:
    for field, kind in (("warmup_type", warmup_type), ("decay_type", decay_type)):
        if kind not in WSD_SHAPES:
            raise ValueError(f"{field} must be one of {', '.join(WSD_SHAPES)}, got {kind!r}")
    if num_stable_steps is None:
        if num_training_steps is None:
            raise ValueError("warmup_stable_decay needs num_training_steps or num_stable_steps")
        num_stable_steps = num_training_steps - num_warmup_steps - num_decay_steps
    if num_stable_steps < 0:
        raise ValueError(f"num_stable_steps must be a whole number >= 0, got {num_stable_steps}")
    low = rate * min_lr_ratio
    turn = num_warmup_steps + num_stable_steps
    trunk = WarmupStableDecay(
        total_steps=max(1, turn + num_decay_steps),
        peak_value=rate,
        warmup_steps=num_warmup_steps,
        decay_steps=num_decay_steps,
        init_value=low,
        end_value=low,
        warmup_shape=WSD_SHAPES[warmup_type],
        decay_shape=WSD_SHAPES[decay_type],
    )
    if num_decay_steps == 0:
        return Join(parts=(trunk, Constant(peak_value=low)), boundaries=(turn,))
    if decay_type != "cosine" or num_cycles == 0.5:
        return trunk
    waves = _waves(rate, low, num_decay_steps, num_cycles)
    parts = (trunk, waves, Constant(peak_value=low))
    return Join(parts=parts, boundaries=(turn, turn + num_decay_steps))
