"""Write a plan's values into a torch optimizer. The only module here that imports torch.

A plan is a bundle of schedules on one clock. Bound to an optimizer it is one function, called before each
update with the number of updates already finished::

    write = Plan(lr=s, momentum=m).bind(optimizer)
    for step in range(total_steps):
        write(step)
        loss = ...
        optimizer.step()
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch.optim import Optimizer

from .names import nearest
from .schedule import Schedule

Group = dict[str, Any]

BETAS = {"momentum": 0, "beta1": 0, "beta2": 1}
"""Names that mean an item of a group's ``betas`` where the group has no entry of that name."""


class Plan(Mapping[str, Schedule]):
    """Schedules by the hyper-parameter they drive, on one clock.

    Args:
        schedules: a schedule, or a number that stays, for each name of an entry in the optimizer's
            groups. ``momentum`` also means ``betas[0]``, ``beta1`` and ``beta2`` the two items of ``betas``.

    >>> import schedules
    >>> plan = Plan(lr=schedules.build("linear", total_steps=10, peak_value=0.1), momentum=0.9)
    >>> plan.at(5)
    {'lr': 0.05, 'momentum': 0.9}
    """

    def __init__(self, **schedules: Schedule | float) -> None:
        from .constant import Constant

        self._schedules: dict[str, Schedule] = {
            name: s if callable(s) else Constant(peak_value=s) for name, s in schedules.items()
        }

    def __getitem__(self, name: str) -> Schedule:
        return self._schedules[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._schedules)

    def __len__(self) -> int:
        return len(self._schedules)

    def __repr__(self) -> str:
        return f"Plan({', '.join(f'{name}={s!r}' for name, s in self.items())})"

    def at(self, step: float) -> dict[str, float]:
        """Return each hyper-parameter's value at ``step``."""
        return {name: float(schedule(step)) for name, schedule in self._schedules.items()}

    def bind(self, optimizer: Optimizer) -> Writer:
        """Return the function that writes this plan into ``optimizer``; nothing is written yet.

        Raises:
            ValueError: a name is no hyper-parameter of some group, or the groups hold different values
                that the plan would make equal.
        """
        return Writer(self, optimizer)


class Writer:
    """A plan bound to an optimizer: ``write(step)`` sets every group and returns the values.

    Where its values go is looked up once, and again when the optimizer's groups were replaced
    (``load_state_dict``) or added to. A group's ``<name>_scale`` multiplies the value there. A tensor
    entry stays the same tensor.
    """

    def __init__(self, plan: Plan, optimizer: Optimizer) -> None:
        self.plan = plan
        self.optimizer = optimizer
        self._schedules = tuple(plan.items())
        for name in plan:
            _refuse_levelling(name, optimizer.param_groups)
        self._look_up()

    def _look_up(self) -> None:
        self._groups = self.optimizer.param_groups
        self._count = len(self._groups)
        self._places = [
            (name, schedule, *_places(name, self._groups, self.optimizer))
            for name, schedule in self._schedules
        ]

    def __call__(self, step: float) -> dict[str, float]:
        """Write every value for the update that comes after ``step`` finished ones.

        Returns:
            The plan's values by name, before any group's scale.
        """
        groups = self.optimizer.param_groups
        if groups is not self._groups or len(groups) != self._count:
            self._look_up()
        written = {}
        for name, schedule, plain, others in self._places:
            written[name] = value = float(schedule(step))
            for group in plain:
                group[name] = value
            for put, scale in others:
                put(value * scale)
        return written


def _places(
    name: str, groups: list[Group], optimizer: Optimizer
) -> tuple[list[Group], list[tuple[Callable[[float], None], float]]]:
    """Return the groups where the value is simply an entry, and a function with a scale for the others."""
    plain: list[Group] = []
    others: list[tuple[Callable[[float], None], float]] = []
    for group in groups:
        scale = float(group.get(f"{name}_scale", 1.0))
        if name in group:
            if scale == 1.0 and not isinstance(group[name], torch.Tensor):
                plain.append(group)
            else:
                others.append((_entry(group, name), scale))
        elif name in BETAS and "betas" in group:
            others.append((_beta(group, BETAS[name]), scale))
        else:
            has = sorted(key for key in group if key != "params" and not key.endswith("_scale"))
            has += sorted(BETAS) if "betas" in group else []
            kind = type(optimizer).__name__
            raise ValueError(f"{kind} has no hyper-parameter {name!r}; {nearest(name, has)}")
    return plain, others


def _entry(group: Group, name: str) -> Callable[[float], None]:
    held = group[name]
    if isinstance(held, torch.Tensor):
        return held.fill_  # type: ignore[return-value]

    def put(value: float) -> None:
        group[name] = value

    return put


def _beta(group: Group, index: int) -> Callable[[float], None]:
    held = group["betas"][index]
    if isinstance(held, torch.Tensor):
        return held.fill_  # type: ignore[return-value]

    def put(value: float) -> None:
        first, second = group["betas"]
        group["betas"] = (value, second) if index == 0 else (first, value)

    return put


def _refuse_levelling(name: str, groups: list[Group]) -> None:
    """Raise where groups hold different values and none says by which scale: one plan would level them."""
    if any(f"{name}_scale" in group for group in groups):
        return
    held = [float(group[name]) for group in groups if isinstance(group.get(name), (int, float, torch.Tensor))]
    if len(set(held)) > 1:
        raise ValueError(
            f"the groups hold different values of {name} ({', '.join(f'{v:g}' for v in held)}); "
            f"give each group its part of the plan as '{name}_scale'"
        )
