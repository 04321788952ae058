"""The table of schedules, by name. One table for Python, config, command line, docs and tests."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from .elementwise import FloatArray, plain_step
from .names import Names

Class = TypeVar("Class", bound=type)

SCHEDULES: Names[type] = Names("schedule")
COMBINATORS: Names[type] = Names("combinator")


def _is_frozen_and_keyword_only(cls: Any) -> bool:
    if not (isinstance(cls, type) and "__dataclass_params__" in vars(cls)):
        return False
    return vars(cls)["__dataclass_params__"].frozen and all(
        field.kw_only for field in dataclasses.fields(cls)
    )


def _takes_any_step(formula: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """Return a class's ``__call__`` such that it takes steps of every kind of number, and arrays of them."""

    @functools.wraps(formula)
    def value_at(self: Any, step: Any) -> Any:
        kind = type(step)
        if kind is not int and kind is not float:
            step = plain_step(step)
            if isinstance(step, np.ndarray):
                return _at_each(formula, self, step)
        try:
            return formula(self, step)
        except OverflowError:  # numpy's floats go to infinity, and an array of steps is theirs
            return float(formula(self, np.array([step], float))[0])

    return value_at


def _at_each(formula: Callable[[Any, Any], Any], schedule: Any, steps: FloatArray) -> Any:
    """Return a formula's values at an array of steps, asking it for each where it was written for one."""
    try:
        found = formula(schedule, steps)
        return found if np.shape(found) == steps.shape else np.full(steps.shape, found, dtype=float)
    except (TypeError, ValueError):
        return np.array([formula(schedule, t) for t in steps.ravel().tolist()], float).reshape(steps.shape)


def _enter(table: Names[type], name: str) -> Callable[[Class], Class]:
    def add(cls: Class) -> Class:
        if not _is_frozen_and_keyword_only(cls):
            raise TypeError(f"{table.kind} {name!r} must be a frozen, keyword-only dataclass, got {cls!r}")
        cls.name = name  # type: ignore[attr-defined]
        cls.takes_arrays = True  # type: ignore[attr-defined]
        cls.__call__ = _takes_any_step(cls.__call__)  # type: ignore[method-assign]
        table.add(name, cls)
        return cls

    return add


def register(name: str) -> Callable[[Class], Class]:
    """Class decorator: make a schedule reachable by ``name`` in Python, config and command line.

    The class is a frozen, keyword-only dataclass whose ``__call__`` is a formula of the step, and whose
    ``__post_init__`` calls ``settle(self)``. The formula sees a plain number, or a float64 array of steps,
    whatever kind of number the caller gives; where it fails with an array, it is asked step by step.

    Raises:
        ValueError: the name is taken.
    """
    return _enter(SCHEDULES, name)


def register_combinator(name: str) -> Callable[[Class], Class]:
    """Class decorator: as :func:`register`, for a schedule that is made of others."""
    return _enter(COMBINATORS, name)


def names() -> list[str]:
    """Return the names of all registered schedules, sorted: no order of imports shows in them."""
    return sorted(SCHEDULES)


def get(name: str) -> type[Any]:
    """Return the schedule class of that name.

    Raises:
        ValueError: no schedule is named so; the message offers the nearest name.
    """
    return SCHEDULES[name]
