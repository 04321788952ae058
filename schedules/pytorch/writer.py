"""A plan bound to an optimizer: one function of the step."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import torch
from torch.optim import Optimizer

from ..elementwise import plain_step
from .bundle import Bundle, Reader
from .curves import Curve, curves, unscaled
from .places import Group, used


class Task(NamedTuple):
    """A curve ready to be written.

    Attributes:
        read: its value at a step of its clock.
        start: the run's step at which the clock is 0.
        labels: the names under which the value is reported.
        name: the entry's name in the plain groups.
        plain: groups where the value is the entry.
        pairs: which item of ``betas`` it is, and groups whose other item is the same.
        others: a function and a scale for each place left.
    """

    read: Reader
    start: int
    labels: tuple[str, ...]
    name: str
    plain: list[Group]
    pairs: list[tuple[int | None, list[Group]]]
    others: list[tuple[Callable[[float], Any], float]]


class Writer:
    """A plan bound to an optimizer: ``write(step)`` sets every group and returns the values.

    Where its values go is looked up once, and again when the optimizer's groups were replaced
    (``load_state_dict``) or added to. Bind again after replacing an entry of a group by hand. Notes that a
    group may carry:

    - ``<name>_scale``: multiplies the value there (layer-wise decay).
    - ``start_step``: the run's step at which this group's own clock is 0 (unfreezing); before it the
      group holds its first value.
    - ``name``: what ``Plan(groups=...)`` matches, and the label of its values.

    A tensor entry stays the same tensor.
    """

    def __init__(self, plan: Bundle, optimizer: Optimizer) -> None:
        self.plan = plan
        self.optimizer = optimizer
        self._look_up(len(optimizer.param_groups))

    def _look_up(self, known: int) -> None:
        groups = self.optimizer.param_groups
        self._curves = curves(self.plan, self.optimizer, known)
        driven = {(p.number, p.entry, p.item) for curve in self._curves for p in curve.places}
        self._unscaled = unscaled(self._curves)
        self._tasks = [_task(curve, driven) for curve in self._curves]
        self._groups, self._count = groups, len(groups)

    def _refresh(self) -> None:
        """Look again where the optimizer's groups are not the ones we know."""
        groups = self.optimizer.param_groups
        if groups is not self._groups:
            self._look_up(len(groups))
        elif len(groups) != self._count:
            self._look_up(self._count)

    def __call__(self, step: float) -> dict[str, float]:
        """Write every value for the update that comes after ``step`` finished ones.

        Returns:
            The plan's values by name, before any group's scale, and ``<name>/<group>`` for each group
            with a curve or clock of its own.

        Raises:
            TypeError: the step is no number.
        """
        if type(step) is not int:
            step = plain_step(step)
        groups = self.optimizer.param_groups
        if groups is not self._groups or len(groups) != self._count:
            self._refresh()
        written = {}
        for read, start, labels, name, plain, pairs, others in self._tasks:
            value = read(step - start)
            for label in labels:
                written[label] = value
            for group in plain:
                group[name] = value
            for item, alike in pairs:
                held = alike[0]["betas"]
                pair = (value, held[1]) if item == 0 else (held[0], value)
                for group in alike:
                    group["betas"] = pair
            for put, scale in others:
                put(value * scale)
        return written

    @property
    def labels(self) -> list[str]:
        """The names of the values that a call returns, in their order; nothing is written."""
        self._refresh()
        return list(self._unscaled)

    def used(self, written: Mapping[str, float]) -> tuple[float, ...]:
        """Return what the optimizer holds of each value that the last call returned, in their order.

        It differs from the value where something else writes into the optimizer as well. A value that every
        group scales is returned as it is.
        """
        return used(written, self._unscaled)

    def per_group(self, name: str, step: float) -> list[float]:
        """Return what ``write(step)`` puts as ``name`` into each group; what it holds where none is put."""
        self._refresh()
        held = {n: float(g[name]) for n, g in enumerate(self._groups) if name in g}
        for curve in self._curves:
            if curve.name == name:
                for place in curve.places:
                    held[place.number] = curve.read(step - curve.start) * place.scale
        return list(dict(sorted(held.items())).values())

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.plan, self.optimizer)  # a copy looks up its own places


def _task(curve: Curve, driven: set[tuple[int, str, int | None]]) -> Task:
    """Sort a curve's places by how they are written: most are a plain entry, or half of equal pairs."""
    plain: list[Group] = []
    pairs: dict[float, list[Group]] = {}
    others: dict[int, tuple[Callable[[float], Any], float]] = {}
    item = None
    for place in curve.places:
        if isinstance(place.held, torch.Tensor):
            others[id(place.held)] = (place.setter(), place.scale)  # once, though groups may share it
        elif place.scale != 1.0 or (place.number, place.entry, _other(place.item)) in driven:
            others[id(place)] = (place.setter(), place.scale)
        elif place.item is None:
            plain.append(place.group)
        else:
            item = place.item
            pairs.setdefault(place.group["betas"][1 - item], []).append(place.group)
    alike = [(item, groups) for groups in pairs.values()]
    return Task(curve.read, curve.start, tuple(curve.labels), curve.name, plain, alike, list(others.values()))


def _other(item: int | None) -> int:
    return -1 if item is None else 1 - item
