"""Where in an optimizer's groups a plan's values go."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from numbers import Real
from typing import Any

import torch
from torch.optim import Optimizer

from ..names import nearest
from ..schedule import Schedule
from .bundle import Bundle, Reader

Group = dict[str, Any]

BETAS = {"momentum": 0, "beta1": 0, "beta2": 1}
"""Names that mean an item of a group's ``betas`` where the group has no entry of that name."""

START = "start_step"
"""A group's entry: the run's step at which this group's own clock is 0."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """One number of one group: an entry, or an item of its ``betas``.

    Attributes:
        group: the group.
        number: its place in the optimizer's list.
        entry: the entry's name.
        item: which of the ``betas``; ``None`` where the entry itself is the number.
        scale: what the plan's value is multiplied by here.
    """

    group: Group
    number: int
    entry: str
    item: int | None
    scale: float

    @property
    def held(self) -> Any:
        """What is there now: a number, or a tensor of one."""
        return self.group[self.entry] if self.item is None else self.group[self.entry][self.item]

    def setter(self) -> Callable[[float], Any]:
        """Return the function that puts a value here; a tensor stays the same tensor."""
        group, entry, item = self.group, self.entry, self.item
        held = self.held
        if isinstance(held, torch.Tensor):
            return held.fill_

        def put(value: float) -> None:
            if item is None:
                group[entry] = value
            else:
                first, second = group[entry]
                group[entry] = (value, second) if item == 0 else (first, value)

        return put


@dataclass(kw_only=True)
class Curve:
    """One schedule of a plan on one clock, and the places that follow it.

    Attributes:
        name: the hyper-parameter.
        read: its value at a step of that clock.
        start: the run's step at which the clock is 0.
        labels: the names under which its value is reported.
        places: where its value goes.
    """

    name: str
    read: Reader
    start: int
    labels: list[str] = field(default_factory=list)
    places: list[Place] = field(default_factory=list)


Curves = dict[tuple[str, str | None, int], Curve]
"""Curves by the hyper-parameter, the pattern whose plan counts (``None``: the plan itself), and the start."""


def curves(plan: Bundle, optimizer: Optimizer, known: int | None = None) -> list[Curve]:
    """Return what the plan writes where.

    Args:
        plan: the plan.
        optimizer: its groups are looked at, and not changed.
        known: groups that were there before; a later one may hold the optimizer's default value.
    """
    groups = optimizer.param_groups
    found: Curves = {
        (name, None, 0): Curve(name=name, read=plan.reader(name), start=0, labels=[name]) for name in plan
    }
    for number, pattern in enumerate(_matched(plan, groups)):
        _follow(found, plan, pattern, number, optimizer)
    for curve in found.values():
        _refuse_levelling(curve, optimizer, len(groups) if known is None else known)
    _refuse_sharing(list(found.values()))
    return list(found.values())


def _follow(found: Curves, plan: Bundle, pattern: str | None, number: int, optimizer: Optimizer) -> None:
    """Enter one group's places with the curves that it follows."""
    group = optimizer.param_groups[number]
    own: Mapping[str, Schedule] = {} if pattern is None else plan.groups[pattern]
    start = _start(group)
    taken: dict[tuple[str, int | None], str] = {}
    for name in {**plan, **own}:
        place = _place(name, group, number, optimizer)
        other = taken.setdefault((place.entry, place.item), name)
        if other != name:
            raise ValueError(f"{other} and {name} both mean {place.entry}[{place.item}]; give one of them")
        follows = pattern if name in own else None
        if (name, follows, start) not in found:
            read = plan.reader(name, follows)
            # A reader holds one block of steps: another clock gets a reader of its own.
            found[name, follows, start] = Curve(
                name=name, read=Reader(read.schedule) if start else read, start=start
            )
        curve = found[name, follows, start]
        curve.places.append(place)
        if follows is not None or start:
            curve.labels.append(f"{name}/{group.get('name', number)}")


def _matched(plan: Bundle, groups: list[Group]) -> list[str | None]:
    """Return the pattern that counts for each group; raise where a pattern counts for none."""
    names = [str(group["name"]) if "name" in group else None for group in groups]
    matched = [
        next((p for p in plan.groups if name is not None and fnmatchcase(name, p)), None) for name in names
    ]
    for pattern in plan.groups:
        if pattern in matched:
            continue
        here = [name for name in names if name is not None]
        if any(fnmatchcase(name, pattern) for name in here):
            raise ValueError(f"groups[{pattern!r}] is never used: patterns before it match its groups first")
        hint = nearest(pattern, here) if here else "no group has a 'name'"
        raise ValueError(f"groups[{pattern!r}] matches no group of the optimizer; {hint}")
    return matched


def _place(name: str, group: Group, number: int, optimizer: Optimizer) -> Place:
    scale = group.get(f"{name}_scale", 1.0)
    if not _is_number(scale) or not math.isfinite(scale) or scale < 0:
        raise ValueError(f"{name}_scale must be a number >= 0, got {scale!r}")
    has = [key for key, held in group.items() if _is_driven(key, held)]
    has += [key for key in BETAS if "betas" in group and key not in group]
    if name not in has:
        kind = type(optimizer).__name__
        raise ValueError(f"{kind} has no hyper-parameter {name!r}; {nearest(name, sorted(has))}")
    entry, item = (name, None) if name in group else ("betas", BETAS[name])
    return Place(group=group, number=number, entry=entry, item=item, scale=float(scale))


def _is_number(held: object) -> bool:
    if isinstance(held, torch.Tensor):
        return held.numel() == 1
    return isinstance(held, Real) and not isinstance(held, bool)


def _is_driven(key: str, held: object) -> bool:
    """Whether an entry is a hyper-parameter: a number that is no note of ours or of a torch scheduler."""
    return _is_number(held) and not key.endswith("_scale") and key not in (START, "initial_lr", "name")


def _start(group: Group) -> int:
    start = group.get(START, 0)
    if isinstance(start, bool) or not isinstance(start, int) or start < 0:
        raise ValueError(f"{START} must be a whole number >= 0, got {start!r}")
    return start


def _refuse_levelling(curve: Curve, optimizer: Optimizer, known: int) -> None:
    """Raise where groups hold different values and none says by which scale: one curve would level them."""
    if any(f"{curve.name}_scale" in place.group for place in curve.places):
        return
    held = [
        float(place.held)
        for place in curve.places
        if place.number < known or not _is_default(place, optimizer)
    ]
    if len(set(held)) > 1:
        raise ValueError(
            f"the groups hold different values of {curve.name} ({', '.join(f'{v:g}' for v in held)}); "
            f"give each its part of the plan as '{curve.name}_scale', or its own plan in Plan(groups=...)"
        )


def _is_default(place: Place, optimizer: Optimizer) -> bool:
    default = optimizer.defaults.get(place.entry)
    if default is not None and place.item is not None:
        default = default[place.item]
    return default is not None and float(default) == float(place.held)


def _refuse_sharing(found: list[Curve]) -> None:
    """Raise where one tensor, which torch gives to all groups, would have to hold different values."""
    owner: dict[int, tuple[int, float]] = {}
    for which, curve in enumerate(found):
        for place in curve.places:
            if not isinstance(place.held, torch.Tensor):
                continue
            if owner.setdefault(id(place.held), (which, place.scale)) != (which, place.scale):
                raise ValueError(
                    f"group {place.number} shares its {curve.name} tensor with a group that is to hold "
                    "another value; give each group a tensor of its own"
                )
