"""One number of one of an optimizer's groups, and which names of hyper-parameters mean it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from numbers import Real
from typing import Any

import torch
from torch.optim import Optimizer

from ..names import nearest
from ..units import whole

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


def entry_of(name: str, group: Group) -> tuple[str, int | None] | None:
    """Return the entry of a group that a hyper-parameter's name means, with the item if it is ``betas``.

    ``None`` where the group has nothing of that name.
    """
    if name in group:
        return name, None
    return ("betas", BETAS[name]) if name in BETAS and "betas" in group else None


def mean_the_same(name: str, other: str, group: Group) -> bool:
    """Whether two names of hyper-parameters mean the same number of a group.

    >>> mean_the_same("momentum", "beta1", {"lr": 0.1, "betas": (0.9, 0.999)})
    True
    """
    return name == other or (entry_of(name, group) == entry_of(other, group) is not None)


def constants(group: Group) -> dict[str, float]:
    """Return what a group holds of the learning rate and the momentum, whatever its optimizer calls them.

    >>> constants({"lr": 0.1, "betas": (0.9, 0.999)})
    {'lr': 0.1, 'momentum': 0.9}
    """
    entries = {name: entry_of(name, group) for name in ("lr", "momentum")}
    return {
        name: float(group[found[0]] if found[1] is None else group[found[0]][found[1]])
        for name, found in entries.items()
        if found is not None
    }


def place_of(name: str, group: Group, number: int, optimizer: Optimizer) -> Place:
    """Return where a group holds a hyper-parameter.

    Raises:
        ValueError: the group has no such hyper-parameter, or its scale is no number >= 0.
    """
    scale = group.get(f"{name}_scale", 1.0)
    if not _is_number(scale) or not math.isfinite(scale) or scale < 0:
        raise ValueError(f"{name}_scale must be a number >= 0, got {scale!r}")
    has = [key for key, held in group.items() if _is_driven(key, held)]
    has += [key for key in BETAS if "betas" in group and key not in group]
    found = entry_of(name, group)
    if found is None or name not in has:
        kind = type(optimizer).__name__
        raise ValueError(f"{kind} has no hyper-parameter {name!r}; {nearest(name, sorted(has))}")
    entry, item = found
    return Place(group=group, number=number, entry=entry, item=item, scale=float(scale))


def start_of(group: Group) -> int:
    """Return the run's step at which a group's own clock is 0; raise ``ValueError`` for no whole number."""
    return whole(group.get(START, 0), START, low=0)


def is_default(place: Place, optimizer: Optimizer) -> bool:
    """Whether a place holds what the optimizer gives to a group that does not say otherwise."""
    default = optimizer.defaults.get(place.entry)
    if default is not None and place.item is not None:
        default = default[place.item]
    return default is not None and float(default) == float(place.held)


def used(written: Mapping[str, float], where: Mapping[str, Place | None]) -> tuple[float, ...]:
    """Return what the optimizer holds of each value written; the value itself where every group scales it.

    Args:
        written: what a plan wrote, by label.
        where: for each label, a place that holds the value unscaled; ``None`` where there is none.
    """
    return tuple(
        value if (place := where[label]) is None else float(place.held) for label, value in written.items()
    )


def _is_number(held: object) -> bool:
    if isinstance(held, torch.Tensor):
        return held.numel() == 1
    return isinstance(held, Real) and not isinstance(held, bool)


def _is_driven(key: str, held: object) -> bool:
    """Whether an entry is a hyper-parameter: a number that is no note of ours or of a torch scheduler."""
    return _is_number(held) and not key.endswith("_scale") and key not in (START, "initial_lr", "name")
