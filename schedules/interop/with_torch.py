"""torch's schedulers as schedules, and schedules as factors for ``LambdaLR``. torch is not imported here.

A torch scheduler is read by its class and its attributes. Two things are torch's and not its documents':
most classes step by multiplying what the optimizer holds, and their first update runs at the initial value.
What is returned reproduces the values of the run, update by update.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from typing import Any

from ..schedule import Schedule
from .torch_cycles import momentum
from .torch_readers import Turn, read


def from_torch(scheduler: Any, group: int | None = None) -> dict[str, Schedule]:
    """Return what a torch scheduler does to one parameter group, as schedules by hyper-parameter.

    Args:
        scheduler: a scheduler of ``torch.optim``, new or at any step of its run, also as Accelerate
            prepared it.
        group: index of the parameter group; not needed where all groups run the same schedule.

    Returns:
        ``{"lr": ...}``, and ``"momentum"`` too where the scheduler drives it (one-cycle and cyclic; it
        means ``betas[0]`` where there are betas). ``Plan(**from_torch(scheduler))`` takes its place.

    Raises:
        ValueError: the scheduler is no function of the step, its groups differ, its settings have no
            counterpart, or its present value is not what its settings give (moved by hand, restored
            with other settings, or run past its end, where torch's cosine rises again and ours stays).
    """
    scheduler = _unwrapped(scheduler)
    count = len(scheduler.optimizer.param_groups)
    if group is not None:
        if not 0 <= group < count:
            raise ValueError(f"group must be a whole number >= 0 and < {count}, got {group!r}")
        return _read_group(scheduler, group)
    read = [_read_group(scheduler, index) for index in range(count)]
    if any(other != read[0] for other in read[1:]):
        raise ValueError(f"the {count} groups run different schedules; ask for one: group=0 to {count - 1}")
    return read[0]


def _unwrapped(scheduler: Any) -> Any:
    """Return the scheduler inside Accelerate's wrapper; raise where that steps more than once an update."""
    if type(scheduler).__name__ != "AcceleratedScheduler":
        return scheduler
    state = sys.modules["accelerate.state"].AcceleratorState()
    if scheduler.step_with_optimizer and not scheduler.split_batches and state.num_processes > 1:
        raise ValueError(
            f"Accelerate steps this scheduler {state.num_processes} times an update, once for each process; "
            "for its curve on that clock read scheduler.scheduler"
        )
    return scheduler.scheduler


def _read_group(scheduler: Any, group: int) -> dict[str, Schedule]:
    held = scheduler.optimizer.param_groups[group]
    bases = getattr(scheduler, "base_lrs", None)
    if bases is not None and group >= len(bases):
        raise ValueError(f"group {group} was added after the scheduler was made, which does not drive it")
    rate = float(bases[group] if bases is not None else held.get("initial_lr", held["lr"]))
    schedule = read(scheduler, Turn(group, rate))
    _check_present(scheduler, group, schedule, rate)
    driven = momentum(scheduler, group)
    return {"lr": schedule} if driven is None else {"lr": schedule, "momentum": driven}


def _check_present(scheduler: Any, group: int, schedule: Schedule, rate: float) -> None:
    """Raise where the scheduler's present value is not the schedule's."""
    now = getattr(scheduler, "last_epoch", None)
    now = scheduler._schedulers[0].last_epoch if now is None else now
    if type(scheduler).__name__ == "CosineAnnealingWarmRestarts":  # after step(13.4) it says that it is at 13
        now += scheduler.T_cur % 1
    held = scheduler.get_last_lr()[group]
    near = 1e-6 if isinstance(held, float) else 1e-3  # a tensor rate is kept in single precision
    if not math.isclose(float(held), schedule(now), rel_tol=near, abs_tol=1e-9 * rate):
        raise ValueError(
            f"{type(scheduler).__name__} holds {float(held):g} at step {now}, where its settings give "
            f"{schedule(now):g}: it was moved by hand, restored with other settings, shares the optimizer "
            "with another scheduler, or has run past its end"
        )


def to_torch(schedule: Schedule, optimizer: Any, name: str = "lr") -> list[Callable[[int], float]]:
    """Return the factors that let torch's own ``LambdaLR`` run a schedule, one for each parameter group.

    ``LambdaLR(optimizer, to_torch(schedule, optimizer))`` holds ``schedule(step)`` in every group, times
    the group's ``lr_scale`` where it has one. The factors are plain functions: ``LambdaLR`` keeps nothing
    of them in its ``state_dict``, so a checkpoint restores the clock and never the settings.

    Raises:
        ValueError: a group's rate is 0, or the groups hold different rates and none says by which scale.
    """
    groups = optimizer.param_groups
    bases = [float(group.get(f"initial_{name}", group[name])) for group in groups]
    if len(set(bases)) > 1 and not any(f"{name}_scale" in group for group in groups):
        raise ValueError(
            f"the groups hold different values of {name} ({', '.join(f'{base:g}' for base in bases)}); "
            f"give each group its part of the schedule as '{name}_scale'"
        )

    def factor(base: float, scale: float) -> Callable[[int], float]:
        if base == 0.0:
            raise ValueError(
                f"{name} must be a number > 0 in every group, got {base!r}: LambdaLR multiplies it"
            )
        return lambda step: float(schedule(step)) * scale / base

    return [
        factor(base, float(group.get(f"{name}_scale", 1.0)))
        for base, group in zip(bases, groups, strict=True)
    ]
