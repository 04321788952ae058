"""How torch's one-cycle and cyclic schedulers are read, which drive the momentum too."""

from __future__ import annotations

import math
from typing import Any

from ..combine.compose import Join
from ..families.constant import Constant
from ..schedule import Schedule
from .intervals import PerInterval
from .pieces import TriangleWave, through, triangles
from .torch_readers import READERS, Turn


@READERS.entry("CyclicLR")
def _cyclic(scheduler: Any, turn: Turn) -> Schedule:
    low, high = scheduler.base_lrs[turn.group], scheduler.max_lrs[turn.group]
    return _wave(scheduler, float(low), float(high))


def _wave(scheduler: Any, low: float, high: float) -> Schedule:
    period = scheduler.total_size
    rise = scheduler.step_ratio * period
    if scheduler._scale_fn_custom is not None:
        by_cycle = scheduler.scale_mode == "cycle"
        factor = PerInterval(
            function=scheduler._scale_fn_custom, every=period if by_cycle else 1.0, first=1 if by_cycle else 0
        )
        return TriangleWave(
            init_value=low, peak_value=high, rise_steps=rise, fall_steps=period - rise, factor=factor
        )
    decay = 0.5 if scheduler.mode == "triangular2" else 1.0
    gamma = scheduler.gamma if scheduler.mode == "exp_range" else 1.0
    return triangles(low, high, rise, period - rise, decay, gamma)


@READERS.entry("OneCycleLR")
def _onecycle(scheduler: Any, turn: Turn) -> Schedule:
    return _phases(scheduler, scheduler.optimizer.param_groups[turn.group], "lr")


def _anneals_by_cosine(scheduler: Any) -> bool:
    """Whether a one-cycle goes by cosine; one restored from an old state holds a function, not a name."""
    kind = getattr(scheduler, "_anneal_func_type", None)
    if kind is None:
        return not math.isclose(scheduler.anneal_func(0.0, 1.0, 0.25), 0.25)
    return bool(kind == "cos")


def _phases(scheduler: Any, group: dict[str, Any], what: str) -> Schedule:
    """Put a one-cycle's phases on the clock, but for those that the run never enters."""
    shape = "cosine" if _anneals_by_cosine(scheduler) else "linear"
    at: list[float] = [0.0]
    values: list[float] = []
    for phase in scheduler._schedule_phases:
        start, end = float(group[phase[f"start_{what}"]]), float(group[phase[f"end_{what}"]])
        if phase["end_step"] < 0.0:  # over before step 0, where the next one is already on its way
            at = [phase["end_step"]]
        elif not values:
            at, values = [*at, phase["end_step"]], [start, end]
        elif phase["end_step"] > at[-1]:  # else the one before lasts to the end of the run, and past it
            at, values = [*at, phase["end_step"]], [*values, end]
    return through(at, values, (shape,) * (len(values) - 1))


def momentum(scheduler: Any, group: int) -> Schedule | None:
    """Return the momentum's schedule where the scheduler drives it."""
    kind = type(scheduler).__name__
    if kind == "SequentialLR":
        return _momentum_in_sequence(scheduler, group)
    if kind == "ChainedScheduler" and len(scheduler._schedulers) == 1:
        return momentum(scheduler._schedulers[0], group)
    if not getattr(scheduler, "cycle_momentum", False):
        return None
    if kind == "OneCycleLR":
        return _phases(scheduler, scheduler.optimizer.param_groups[group], "momentum")
    return _wave(scheduler, float(scheduler.max_momentums[group]), float(scheduler.base_momentums[group]))


def _momentum_in_sequence(scheduler: Any, group: int) -> Schedule | None:
    """Return the momentum of a sequence: before its one driver that one's first value, after it the last."""
    driven = [momentum(part, group) for part in scheduler._schedulers]
    drivers = [index for index, found in enumerate(driven) if found is not None]
    if not drivers:
        return None
    if len(drivers) > 1:
        raise ValueError(
            "SequentialLR: only one of its schedulers may drive the momentum; ask for each alone"
        )
    index, curve = drivers[0], driven[drivers[0]]
    assert curve is not None
    starts = [0, *scheduler._milestones]
    parts: list[Schedule] = [curve]
    boundaries: list[int] = []
    if index > 0:
        parts.insert(0, Constant(peak_value=float(curve(0))))
        boundaries.append(starts[index])
    if index + 1 < len(starts):
        last = starts[index + 1] - starts[index] - 1
        parts.append(Constant(peak_value=float(curve(max(last, 0)))))
        boundaries.append(starts[index + 1])
    return Join(parts=tuple(parts), boundaries=tuple(boundaries)) if boundaries else curve
