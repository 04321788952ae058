"""Schedules for JAX, in the form that ``optax`` takes. Imports jax only when called."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

from .schedule import Schedule, values


def to_optax(schedule: Schedule, total_steps: int) -> Callable[[Any], Any]:
    """Return the schedule as a function of optax's update count, to be traced, jitted and vmapped.

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
    if isinstance(total_steps, bool) or not isinstance(total_steps, int) or total_steps < 1:
        raise ValueError(f"total_steps must be a whole number >= 1, got {total_steps!r}")
    jnp = import_module("jax.numpy")
    table = jnp.asarray(values(schedule, total_steps + 1))

    def at(count: Any) -> Any:
        return table[jnp.clip(count, 0, total_steps)]

    return at
