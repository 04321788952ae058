"""timm's schedules, from the arguments of ``create_scheduler_v2`` and to them; timm is not imported here.

Its conventions: the clock counts epochs (``step_on_epochs``) or updates; a warm-up runs *over* the decay,
whose clock does not wait, unless ``warmup_prefix``; milestones take effect one unit early.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from ..combine.compose import Every, Join, Ramp, Shift
from ..families.constant import Constant
from ..families.cosine import Cosine, CosineRestarts
from ..families.polynomial import Linear, Polynomial
from ..families.step import MultiStep, Step
from ..families.tanh import Tanh
from ..schedule import Schedule
from .intervals import Geometric, PerInterval
from .pieces import through
from .reading import apart, linear_warmup, no_equal, on_run_clock, with_warmup

_SCHEDS = ("cosine", "tanh", "step", "multistep", "poly")


def from_timm(
    *,
    lr: float,
    sched: str = "cosine",
    num_epochs: int = 300,
    decay_epochs: float = 90,
    decay_milestones: Sequence[int] = (90, 180, 270),
    cooldown_epochs: int = 0,
    decay_rate: float = 0.1,
    min_lr: float = 0.0,
    warmup_lr: float = 1e-5,
    warmup_epochs: int = 0,
    warmup_prefix: bool = False,
    cycle_mul: float = 1.0,
    cycle_decay: float = 0.1,
    cycle_limit: int = 1,
    k_decay: float = 1.0,
    step_on_epochs: bool = True,
    updates_per_epoch: int = 0,
) -> Schedule:
    """Return the schedule that ``timm.scheduler.create_scheduler_v2`` makes of these arguments.

    Args:
        lr: the optimizer's rate; the rest are timm's arguments with timm's defaults (``decay_rate`` is the
            power of ``"poly"``; ``cooldown_epochs`` prolongs the run, at the floor).
        sched: one of cosine, tanh, step, multistep, poly.
        num_epochs: length of the (first) cycle.
        decay_epochs: epochs between the drops of ``"step"``.
        decay_milestones: epochs of the drops of ``"multistep"``; each takes effect one unit early.
        cooldown_epochs: epochs at the floor after the cycles.
        decay_rate: factor of a drop, or the power of ``"poly"``.
        min_lr: the floor.
        warmup_lr: first value of the warm-up.
        warmup_epochs: length of the warm-up.
        warmup_prefix: whether the decay waits for the warm-up's end.
        cycle_mul: factor of each cycle's length.
        cycle_decay: factor of each cycle's peak.
        cycle_limit: how many cycles there are.
        k_decay: exponent of the progress.
        step_on_epochs: whether the value changes once an epoch.
        updates_per_epoch: with it, the schedule counts updates; without, one step is one epoch.

    Raises:
        ValueError: an argument is out of bounds, or the schedule follows the loss (``"plateau"``).

    >>> s = from_timm(lr=0.1, num_epochs=10, warmup_epochs=2, warmup_lr=0.0, warmup_prefix=True)
    >>> [round(s(epoch), 6) for epoch in (0, 1, 2, 7, 12)]
    [0.0, 0.05, 0.1, 0.05, 0.0]
    """
    if sched not in _SCHEDS:
        raise ValueError(f"sched must be one of {', '.join(_SCHEDS)}, got {sched!r}")
    if cooldown_epochs < 0:
        raise ValueError(f"cooldown_epochs must be a whole number >= 0, got {cooldown_epochs}")
    if not step_on_epochs and updates_per_epoch < 1:
        raise ValueError(f"updates_per_epoch must be a whole number >= 1, got {updates_per_epoch}")
    unit = updates_per_epoch or 1
    tick = unit if step_on_epochs else 1  # one unit of timm's own clock
    if sched == "step":
        length = decay_epochs if step_on_epochs else decay_epochs * unit
        curve = _stairs(lr, length, decay_rate, tick)
    elif sched == "multistep":
        milestones = tuple(max(m * unit - tick, 0) for m in decay_milestones)
        curve = MultiStep(peak_value=lr, milestones=milestones, gamma=decay_rate)
    else:
        power = decay_rate if sched == "poly" else 1.0
        curve = _cycles(
            sched, lr, min_lr, num_epochs * unit, cycle_mul, cycle_decay, cycle_limit, k_decay, power
        )
    if warmup_epochs:
        schedule = _warmed(curve, lr, warmup_lr, warmup_epochs * unit, warmup_prefix, sched)
    elif curve(0) == lr:
        schedule = curve
    else:  # timm asks the curve from the second unit on: the first runs at the base rate
        schedule = Join(parts=(Constant(peak_value=lr), Shift(schedule=curve, by=tick)), boundaries=(tick,))
    return Every(schedule=schedule, steps=unit) if step_on_epochs and unit > 1 else schedule


def _stairs(lr: float, length: float, rate: float, unit: int) -> Schedule:
    if length == int(length):
        return Step(peak_value=lr, step_size=int(length) * unit, gamma=rate)
    # part of a unit, as the 2.4 epochs of its EfficientNet recipes: counted in whole units, as timm does
    return PerInterval(function=Geometric(rate, length), scale=lr, every=unit)


def _cycles(
    sched: str,
    lr: float,
    low: float,
    steps: int,
    mul: float,
    decay: float,
    limit: int,
    k_decay: float,
    power: float,
) -> Schedule:
    if mul < 1.0:
        raise ValueError(f"cycle_mul must be a number >= 1, got {mul}")
    if limit < 1:
        raise ValueError(f"cycle_limit must be a whole number >= 1, got {limit}")
    if sched == "tanh":
        if limit > 1:
            raise ValueError(
                f"cycle_limit must be 1 with tanh, got {limit}: its cycles do not meet their ends"
            )
        return _tangent(lr, low, steps)
    if limit == 1:
        if sched == "poly":
            return Polynomial(peak_value=lr, end_value=low, total_steps=steps, power=power, k_decay=k_decay)
        return Cosine(peak_value=lr, end_value=low, total_steps=steps, k_decay=k_decay)
    if sched == "cosine" and mul == int(mul):
        return CosineRestarts(
            peak_value=lr,
            end_value=low,
            cycle_steps=steps,
            cycle_mult=mul,
            cycle_decay=decay,
            cycles=limit,
            k_decay=k_decay,
        )
    starts = [steps * sum(mul**j for j in range(i)) for i in range(limit + 1)]
    return through(
        [edge for pair in pairwise(starts) for edge in pair],
        [v for i in range(limit) for v in (lr * decay**i, low)],
        ("linear" if sched == "poly" else "cosine",) * (2 * limit - 1),
        power=power,
        k_decay=k_decay,
    )


_FIRST_LEFT, _LAST_LEFT = 1.0 / (1.0 + math.exp(-14.0)), 1.0 / (1.0 + math.exp(6.0))
"""What is left of the way at -7 and at 3 on the tangent: ``(1 - tanh(x)) / 2``."""


def _tangent(lr: float, low: float, steps: int) -> Schedule:
    """Return timm's tangent, which runs between its two values without reaching them, then drops."""
    first, last = (low + (lr - low) * left for left in (_FIRST_LEFT, _LAST_LEFT))
    curve = Tanh(total_steps=steps, peak_value=first, end_value=last, lower=-7.0, upper=3.0)
    return Join(parts=(curve, Constant(peak_value=low)), boundaries=(steps,))


def _of_tangent(body: Join) -> dict[str, Any]:
    """Return the rate and the floor of a :func:`_tangent`; raise where it is another curve."""
    curve, floor = body.parts
    assert isinstance(curve, Tanh)
    low = float(floor(0))
    lr = low + (curve.peak_value - low) / _FIRST_LEFT
    last = low + (lr - low) * _LAST_LEFT
    if not math.isclose(curve.end_value, last, rel_tol=1e-9) or body.boundaries != (curve.total_steps,):
        raise no_equal(body, "timm")
    return {"sched": "tanh", "lr": lr, "min_lr": low, "num_epochs": curve.total_steps}


def _warmed(curve: Schedule, lr: float, init: float, steps: int, prefix: bool, sched: str) -> Schedule:
    body = curve if prefix else Shift(schedule=curve, by=steps)
    # timm's ramp aims at the base rate, which a decay on the run's clock has left by then; tanh's does not
    peak = float(body(0)) if sched == "tanh" and not prefix else lr
    return with_warmup(Ramp(init_value=init, peak_value=peak, warmup_steps=steps), body)


def to_timm(schedule: Schedule) -> dict[str, Any]:
    """Return the arguments of ``create_scheduler_v2`` (and ``lr``) that run a schedule, update by update.

    One epoch is one update in them (``updates_per_epoch=1``): call ``step_update(step)`` with our step.

    Raises:
        ValueError: there is no exact equal; the message says what differs.

    >>> to_timm(Cosine(peak_value=0.1, total_steps=100))["num_epochs"]
    100
    """
    ramp, body = apart(schedule)
    warmup = linear_warmup(ramp, "timm")
    common: dict[str, Any] = {"step_on_epochs": False, "updates_per_epoch": 1}
    if ramp is not None:
        common |= {"warmup_epochs": warmup, "warmup_lr": ramp.init_value, "warmup_prefix": True}
    dated = on_run_clock(ramp, body)
    if isinstance(dated, MultiStep | Step):
        common |= {"lr": dated.peak_value, "decay_rate": dated.gamma}
        if ramp is not None:
            common |= {"warmup_prefix": False}
        if isinstance(dated, Step):
            return common | {"sched": "step", "decay_epochs": dated.step_size}
        if 0 in dated.milestones:
            raise ValueError("timm has no drop before the first update, got a milestone of 0")
        return common | {"sched": "multistep", "decay_milestones": [m + 1 for m in dated.milestones]}
    match body:
        case Constant():
            level = {"lr": body.peak_value, "min_lr": body.peak_value}  # a line from a value to itself
            return common | {"sched": "poly", "decay_rate": 1.0} | level
        case Cosine(power=1.0):
            kind: dict[str, Any] = {"sched": "cosine", "k_decay": body.k_decay}
        case Linear():
            kind = {"sched": "poly", "decay_rate": 1.0}
        case Polynomial():
            kind = {"sched": "poly", "decay_rate": body.power, "k_decay": body.k_decay}
        case Join(parts=(Tanh(lower=-7.0, upper=3.0), Constant())) if ramp is not None:
            return common | _of_tangent(body)
        case CosineRestarts(cycle_mult=1.0, cycles=int(cycles)):
            kind = {"sched": "cosine", "cycle_limit": cycles, "cycle_decay": body.cycle_decay}
            kind |= {"k_decay": body.k_decay, "num_epochs": body.cycle_steps}
        case _:
            raise no_equal(body, "timm")
    if not isinstance(body, CosineRestarts):
        kind["num_epochs"] = body.total_steps
    return common | kind | {"lr": body.peak_value, "min_lr": body.end_value}
