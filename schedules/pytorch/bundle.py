"""Schedules by hyper-parameter, and how their values are read step by step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from numbers import Real
from typing import Any

from ..families.constant import Constant
from ..schedule import Schedule, values
from ..tree import is_registered, nodes
from ..units import is_finite, plain


class Bundle(Mapping[str, Schedule]):
    """Schedules by the hyper-parameter they drive: what a plan holds, before any optimizer.

    :class:`schedules.pytorch.Plan` says what the arguments are.
    """

    def __init__(self, *, groups: Mapping[str, Bundle] | None = None, **schedules: Schedule | float) -> None:
        self._schedules = {name: _schedule(name, given) for name, given in schedules.items()}
        self.groups: dict[str, Bundle] = dict(groups or {})
        self._readers = {name: Reader(s) for name, s in self._schedules.items()}
        for pattern, part in self.groups.items():
            if not isinstance(part, Bundle) or part.groups:
                raise ValueError(f"groups[{pattern!r}] must be a Plan without groups, got {part!r}")

    def __getitem__(self, name: str) -> Schedule:
        return self._schedules[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._schedules)

    def __len__(self) -> int:
        return len(self._schedules)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Bundle):
            return NotImplemented
        return self._schedules == other._schedules and list(self.groups.items()) == list(other.groups.items())

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        parts = [f"{name}={s!r}" for name, s in self.items()]
        parts += [f"groups={self.groups!r}"] if self.groups else []
        return f"{type(self).__name__}({', '.join(parts)})"

    def curves(self) -> dict[str, Schedule]:
        """Return every schedule by its label: ``"lr"``, and ``"lr/head"`` for that of a group's plan."""
        own = {f"{name}/{p}": s for p, part in self.groups.items() for name, s in part.items()}
        return self._schedules | own

    def at(self, step: float) -> dict[str, float]:
        """Return the value of each schedule at ``step``, by its label in :meth:`curves`."""
        own = {f"{name}/{p}": part.reader(name)(step) for p, part in self.groups.items() for name in part}
        return {name: read(step) for name, read in self._readers.items()} | own

    def reader(self, name: str, group: str | None = None) -> Reader:
        """Return the function that reads one schedule, of the group's plan where one is named."""
        return self._readers[name] if group is None else self.groups[group].reader(name)


class Reader:
    """A schedule's values at whole steps, worked out a block at a time.

    A registered schedule answers a thousand steps in the time of some tens, so that a write costs a look
    into a list. Blocks have fixed borders: a resumed run reads the same numbers. Other functions are asked
    at each step, and never ahead of it.
    """

    __slots__ = ("_ahead", "_held", "schedule")

    BLOCK = 1024

    def __init__(self, schedule: Schedule) -> None:
        self.schedule = schedule
        self._ahead = _takes_arrays(schedule)
        self._held: tuple[int | None, list[float]] = (None, [])

    def __call__(self, step: float) -> float:
        if type(step) is not int or not self._ahead:
            return float(self.schedule(step))
        number, i = divmod(step, self.BLOCK)
        block, held = self._held
        if number != block:
            start = number * self.BLOCK
            held = values(self.schedule, start + self.BLOCK, start).tolist()
            self._held = (number, held)
        return held[i]


def _takes_arrays(schedule: object) -> bool:
    """Whether a schedule, and each schedule in it, is a registered one: pure, and quick with many steps."""
    return all(is_registered(node) for node, _ in nodes(schedule))


def _schedule(name: str, given: Any) -> Schedule:
    if callable(given) and not isinstance(given, type):
        return given
    number = plain(given)
    if isinstance(number, Real) and is_finite(number) and float(number) >= 0.0:
        return Constant(peak_value=float(number))
    raise ValueError(f"{name} must be a schedule or a number >= 0, got {given!r}")
