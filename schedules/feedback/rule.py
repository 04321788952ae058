"""The few schedules that need the loss: they watch it, and answer with a value.

A rule is a frozen dataclass and knows nothing of the run; what it has seen is a state, plain data that you
keep. Nothing is hidden, so a checkpoint is ``dataclasses.asdict(state)`` and ``rule.restore(saved)``::

    rule = Plateau(peak_value=0.1, patience=5)
    state = rule.init()
    write = Plan(lr=lambda step: rule.value(state)).bind(optimizer)
    for step in range(total_steps):
        write(step)
        ...
        state = rule.observe(state, loss)      # after each step, or after each evaluation

A rule with a peak of 1 is a factor for another schedule: ``lambda step: cosine(step) * rule.value(state)``.

A loss that is NaN or infinite counts as a bad one: it is never the best, and enters no average.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Protocol, TypeVar

from ..fields import Rule
from ..names import Names, nearest

State = TypeVar("State")

Factor = Annotated[float, Rule("number", low=0.0, high=1.0, above=True)]
Mode = Annotated[str, Rule("choice", choices=("min", "max"))]
ThresholdMode = Annotated[str, Rule("choice", choices=("rel", "abs"))]

FEEDBACK: Names[type] = Names("feedback schedule")
"""The table of rules, by name."""
Class = TypeVar("Class", bound=type)


def register_feedback(name: str) -> Callable[[Class], Class]:
    """Class decorator: enter a rule under ``name``."""

    def add(cls: Class) -> Class:
        cls.name = name  # type: ignore[attr-defined]
        FEEDBACK.add(name, cls)
        return cls

    return add


class Feedback(Protocol[State]):
    """What a rule is: three pure functions of a state that it makes, and one to read it back."""

    def init(self) -> State:
        """Return the state before any loss was seen."""
        ...

    def observe(self, state: State, loss: float) -> State:
        """Return the state after one more loss."""
        ...

    def value(self, state: State) -> float:
        """Return the value of the hyper-parameter."""
        ...

    def restore(self, saved: Mapping[str, Any]) -> State:
        """Return the state that ``dataclasses.asdict`` (and JSON) made plain."""
        ...


def check_factor(factor: float) -> None:
    """Raise where a factor doesn't lower the value."""
    if factor >= 1.0:
        raise ValueError(f"factor must be a number > 0 and < 1, got {factor!r}")


def is_better(rule: Any, loss: float, best: float | None) -> bool:
    """Return whether a loss is better than the best, by the rule's ``mode`` and its threshold."""
    if not math.isfinite(loss):
        return False
    if best is None:
        return True
    sign = 1.0 if rule.mode == "min" else -1.0
    if rule.threshold_mode == "rel":
        return sign * loss < sign * (best * (1.0 - sign * rule.threshold))
    return sign * loss < sign * best - rule.threshold


def averaged(window: tuple[float, ...], loss: float, size: int) -> tuple[tuple[float, ...], float]:
    """Return the window with the loss in it, and its mean; a loss that is no number stands for itself."""
    if not math.isfinite(loss):
        return window, loss
    if size == 1:
        return (), loss
    window = (*window, loss)[-size:]
    return window, sum(window) / len(window)


def read_back(state: type, saved: Mapping[str, Any]) -> dict[str, Any]:
    """Return a saved state's fields, each of them and no others."""
    known = [field.name for field in dataclasses.fields(state)]
    for name in saved:
        if name not in known:
            raise ValueError(f"the state has no {name!r}; {nearest(name, known)}")
    for name in known:
        if name not in saved:
            raise ValueError(f"the state lacks {name!r}")
    return {**saved, "window": tuple(saved["window"])}
