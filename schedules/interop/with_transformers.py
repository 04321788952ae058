"""The schedules of ``transformers.get_scheduler``, from its arguments and to them; it is not imported here.

Its conventions: the first update runs at 0 wherever there is a warm-up (``step / W``), the peak is at step
``W``, the end is one step after the last update. Past the end its cosines rise again; ours hold.
"""

from __future__ import annotations

import inspect
from typing import Any

from ..families.constant import Constant
from ..families.cosine import Cosine, CosineRestarts
from ..families.inverse_sqrt import InverseSqrt
from ..families.polynomial import Linear, Polynomial
from ..families.wsd import WarmupStableDecay
from ..schedule import Schedule
from .reading import apart, call, linear_warmup, no_equal
from .transformers_builders import BUILDERS, WSD_SHAPES

_REFUSED = ("reduce_lr_on_plateau", "greedy")


def from_transformers(
    name: str,
    *,
    learning_rate: float,
    num_warmup_steps: int | None = None,
    num_training_steps: int | None = None,
    **scheduler_specific_kwargs: Any,
) -> Schedule:
    """Return the schedule that ``transformers.get_scheduler(name, ...)`` runs.

    Args:
        name: an ``lr_scheduler_type``, as ``"cosine_with_min_lr"``.
        learning_rate: the optimizer's rate, which that schedule multiplies.
        num_warmup_steps: its argument of that name.
        num_training_steps: its argument of that name.
        **scheduler_specific_kwargs: what its ``lr_scheduler_kwargs`` takes for that name.

    Raises:
        ValueError: the name or an argument is unknown or missing, or the schedule follows the loss.

    >>> s = from_transformers("linear", learning_rate=0.1, num_warmup_steps=2, num_training_steps=6)
    >>> [round(s(t), 3) for t in range(7)]
    [0.0, 0.05, 0.1, 0.075, 0.05, 0.025, 0.0]
    """
    if name in _REFUSED:
        raise ValueError(
            f"{name} cannot be a schedule: it follows the loss, so it is no function of the step"
        )
    builder = BUILDERS[name]
    takes = inspect.signature(builder).parameters
    given = {"num_warmup_steps": num_warmup_steps, "num_training_steps": num_training_steps}
    arguments = {key: amount for key, amount in given.items() if amount is not None and key in takes}
    return call(name, builder, arguments | scheduler_specific_kwargs, rate=learning_rate)


def to_transformers(schedule: Schedule) -> dict[str, Any]:
    """Return the ``TrainingArguments`` that run a schedule, where transformers has exactly that.

    Returns:
        ``learning_rate``, ``lr_scheduler_type``, ``lr_scheduler_kwargs``, ``warmup_steps`` and, where the
        schedule has an end, ``max_steps``.

    Raises:
        ValueError: there is no exact equal; the message says what differs.

    >>> to_transformers(Linear(peak_value=0.1, total_steps=100))["lr_scheduler_type"]
    'linear'
    """
    if isinstance(schedule, WarmupStableDecay):
        return _wsd_arguments(schedule)
    ramp, body = apart(schedule)
    warmup = linear_warmup(ramp, "transformers", init_value=0.0)

    def arguments(kind: str, steps: int | None = None, **specific: Any) -> dict[str, Any]:
        said = {
            "learning_rate": body.peak_value,  # type: ignore[attr-defined]
            "lr_scheduler_type": kind,
            "lr_scheduler_kwargs": specific,
            "warmup_steps": warmup,
        }
        return said if steps is None else said | {"max_steps": warmup + steps}

    match body:
        case Constant():
            return arguments("constant_with_warmup" if warmup else "constant")
        case Linear(end_value=0.0):
            return arguments("linear", body.total_steps)
        case Linear() | Polynomial(k_decay=1.0) if body.end_value < body.peak_value:
            power = getattr(body, "power", 1.0)
            return arguments("polynomial", body.total_steps, lr_end=body.end_value, power=power)
        case Cosine(power=1.0, k_decay=1.0, end_value=0.0):
            return arguments("cosine", body.total_steps)
        case Cosine(power=1.0, k_decay=1.0):
            return arguments("cosine_with_min_lr", body.total_steps, min_lr=body.end_value)
        case CosineRestarts(end_value=0.0, cycle_mult=1.0, cycle_decay=1.0, k_decay=1.0, cycles=int(cycles)):
            return arguments("cosine_with_restarts", body.cycle_steps * cycles, num_cycles=cycles)
        case InverseSqrt(end_value=0.0) if body.timescale == (warmup or 10_000):
            return arguments("inverse_sqrt")  # the only time scale that get_scheduler lets through
    raise no_equal(body, "transformers")


def _wsd_arguments(schedule: WarmupStableDecay) -> dict[str, Any]:
    names = {ours: theirs for theirs, ours in WSD_SHAPES.items()}
    low, peak = schedule.end_value, schedule.peak_value
    if schedule.decay_shape not in names or schedule.warmup_shape not in names or schedule.power != 1.0:
        raise no_equal(schedule, "transformers")
    if schedule.decay_steps == 0:
        raise ValueError("transformers falls to its floor after the stable phase, got decay_steps=0")
    if schedule.warmup_steps and schedule.init_value != low:
        raise ValueError(
            f"transformers starts a warm-up at the floor {low:g}, got {schedule.init_value}; "
            f"state init_value={low:g}"
        )
    return {
        "learning_rate": peak,
        "lr_scheduler_type": "warmup_stable_decay",
        "lr_scheduler_kwargs": {
            "num_decay_steps": schedule.decay_steps,
            "warmup_type": names[schedule.warmup_shape],
            "decay_type": names[schedule.decay_shape],
            "min_lr_ratio": low / peak if peak else 0.0,
        },
        "warmup_steps": schedule.warmup_steps,
        "max_steps": schedule.total_steps,
    }
