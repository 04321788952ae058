"""optax's schedules, from their names and arguments and to them, and any schedule in optax's form.

Its clock is ours: the first update sees 0. ``decay_steps`` counts the warm-up in optax, never here. optax is
not imported here, and jax only by :func:`to_optax` when it is called.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

from ..combine.compose import Join, Ramp
from ..families.constant import Constant
from ..families.cosine import Cosine
from ..families.exponential import Exponential
from ..families.polynomial import Linear, Polynomial
from ..families.step import MultiStep, Step
from ..families.wsd import WarmupStableDecay
from ..schedule import Schedule, values
from ..units import whole
from .optax_builders import make
from .reading import no_equal


def from_optax(name: str, **arguments: Any) -> Schedule:
    """Return the schedule that ``optax.<name>(**arguments)`` makes.

    Where optax logs a line and returns a constant (no steps to go, a rate of 0), this raises.

    Args:
        name: the function's name, as ``"warmup_cosine_decay_schedule"``.
        **arguments: its arguments. ``join_schedules`` takes schedules of ours, or mappings
            ``{"schedule": name, ...}`` as :func:`to_optax_arguments` returns.

    Raises:
        ValueError: the name or an argument is unknown or missing, or out of bounds.

    >>> s = from_optax("cosine_decay_schedule", init_value=0.1, decay_steps=10, alpha=0.1)
    >>> round(s(5), 6), round(s(10), 6)
    (0.055, 0.01)
    """
    return make(name, arguments)


def to_optax(schedule: Schedule, total_steps: int) -> Callable[[Any], Any]:
    """Return any schedule as a function of optax's update count, to be traced, jitted and vmapped.

    The values are worked out here, in double precision, and looked up by the count inside the graph; the
    count is the step (updates already finished). After ``total_steps`` the last value holds::

        optax.adamw(learning_rate=to_optax(schedule, total_steps))

    Args:
        schedule: any schedule, or a plain function of the step.
        total_steps: steps in the table [steps, >= 1].

    Returns:
        A function from a count (a number, or an array of them) to an array of that shape, in JAX's default
        floating-point format.

    Raises:
        ValueError: ``total_steps`` is not a whole number >= 1.
        ModuleNotFoundError: jax is not installed.
    """
    total_steps = whole(total_steps, "total_steps", low=1)
    jnp = import_module("jax.numpy")
    table = jnp.asarray(values(schedule, total_steps + 1))

    def at(count: Any) -> Any:
        return table[jnp.clip(count, 0, total_steps)]

    return at


def to_optax_arguments(schedule: Schedule) -> dict[str, Any]:
    """Return the optax function and the arguments that make a schedule: ``{"schedule": name, ...}``.

    For a config or a log; :func:`to_optax` is what an optimizer takes. A joined schedule becomes
    ``join_schedules`` with one such mapping for each part.

    Raises:
        ValueError: there is no exact equal.

    >>> to_optax_arguments(Linear(peak_value=0.1, total_steps=100))["schedule"]
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
            return to_optax_arguments(_as_join(schedule))
        case Join():
            parts = [to_optax_arguments(part) for part in schedule.parts]
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
