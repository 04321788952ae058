"""Find what is probably not meant in a schedule, before a run is spent on it.

A finding is no error: the schedule will do exactly what it says. Drops of ``step`` and ``multistep``,
restarts, and the kink at the top of a warm-up are what was asked for, and nothing is said about them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ..combine.algebra import Clip
from ..combine.compose import Every, Join, Shift
from ..elementwise import FloatArray
from ..schedule import Schedule, planned_steps, values
from ..tree import children, is_registered, nodes
from ..units import whole
from .breaks import unasked_jumps
from .unused import unused_fields

FLAT_SHARE = 0.15
"""A run that spends more than this part of itself on the floor has reached it early."""
OPEN_SHARE = 0.01
"""A run that stops further than this part of its peak from the planned end has not reached it."""

CODES: dict[str, str] = {
    "not-finite": "a value is infinite or no number",
    "negative": "a value is below 0",
    "zero-first": "the first updates have the value 0 and change nothing",
    "zero-updates": "later updates have the value 0",
    "warmup-long": "the run is over before the warm-up",
    "ends-early": "the schedule has ended, and the rest of the run is flat",
    "ends-late": "the run stops before the schedule comes to its end",
    "rises-after-end": "after the run's last update the value goes up again",
    "fails-after-end": "after the run's last update there is no value",
    "joint-jump": "the value jumps where two phases meet",
    "no-effect": "a field was set and changes nothing in this run",
}
"""What each finding's code means."""


@dataclass(frozen=True)
class Finding:
    """One thing that is probably not meant.

    Attributes:
        code: a key of ``CODES``.
        step: the first step that it speaks of; ``None`` where it speaks of the whole run.
        message: what was found, with the numbers.
    """

    code: str
    step: int | None
    message: str

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"


@dataclass(frozen=True)
class _Run:
    """A schedule, and what all checks need to know of it."""

    schedule: Schedule
    total_steps: int

    @cached_property
    def values(self) -> FloatArray:
        return values(self.schedule, self.total_steps)

    @cached_property
    def peak(self) -> float:
        return float(np.max(self.values))

    @cached_property
    def end(self) -> int | None:
        smooth = self.schedule
        while isinstance(smooth, Every):  # whole stairs may reach beyond the run; what they follow does not
            smooth = smooth.schedule
        return planned_steps(smooth)

    @cached_property
    def has_plain(self) -> bool:
        return not all(is_registered(node) for node, _ in nodes(self.schedule))


def lint(schedule: Schedule, total_steps: int) -> list[Finding]:
    """Return what is probably not meant in ``schedule`` for a run of ``total_steps`` updates.

    Args:
        schedule: any schedule; of a plain function only the values are looked at.
        total_steps: updates in the run [steps, >= 1].

    Returns:
        The findings, the gravest first; none for a schedule that fits its run.

    >>> from schedules import build
    >>> s = build("cosine", total_steps=1000, peak_value=0.1, warmup_steps=100, init_value=0.0)
    >>> [print(finding) for finding in lint(s, 1000)]
    zero-first: the first update has the value 0 and changes nothing; begin the warm-up above it
    [None]
    """
    run = _Run(schedule, whole(total_steps, "total_steps", low=1))
    broken = list(_not_finite(run))
    return broken or [finding for check in _CHECKS for finding in check(run)]


def _updates(count: int) -> str:
    return "1 update" if count == 1 else f"{count} updates"


def _not_finite(run: _Run) -> Iterator[Finding]:
    found = np.flatnonzero(~np.isfinite(run.values))
    if len(found):
        step = int(found[0])
        yield Finding("not-finite", step, f"the value at step {step} is {run.values[step]}")


def _negative(run: _Run) -> Iterator[Finding]:
    found = np.flatnonzero(run.values < 0)
    if len(found):
        step = int(found[0])
        yield Finding(
            "negative",
            step,
            f"{_updates(len(found))} below 0, the first at step {step}: {run.values[step]:g}",
        )


def _zero(run: _Run) -> Iterator[Finding]:
    zero = run.values == 0
    if zero.all():
        yield Finding("zero-updates", 0, f"all {run.total_steps} updates have the value 0")
        return
    leading = int(np.argmin(zero))
    if leading:
        which = "the first update has" if leading == 1 else f"the first {leading} updates have"
        yield Finding("zero-first", 0, f"{which} the value 0 and changes nothing; begin the warm-up above it")
    later = np.flatnonzero(zero[leading:]) + leading
    if len(later):
        yield Finding(
            "zero-updates",
            int(later[0]),
            f"{_updates(len(later))} with the value 0 and no effect, the first at step {later[0]}",
        )


def _warm_up(run: _Run) -> Iterator[Finding]:
    for length in _first_phases(run.schedule):
        if length >= run.total_steps:
            yield Finding(
                "warmup-long",
                None,
                f"the warm-up has {length} steps and the run {run.total_steps}: it is over before the peak",
            )


def _first_phases(schedule: Any) -> Iterator[int]:
    """Yield the lengths of the warm-ups that begin with the run."""
    if isinstance(schedule, Shift):
        yield from (length - int(schedule.by) for length in _first_phases(schedule.schedule))
        return
    if getattr(schedule, "warmup_steps", 0):
        yield schedule.warmup_steps
    for _, place, part in children(schedule):
        if not isinstance(schedule, Join) or place == 0:
            yield from _first_phases(part)


def _early(run: _Run) -> Iterator[Finding]:
    last = run.values[-1]
    moving = np.flatnonzero(run.values != last)
    ended = run.end < run.total_steps if run.end is not None else _has_floor(run.schedule)
    if not ended or not len(moving):
        return
    flat_from = max(int(moving[-1]) + 1, run.end or 0)
    share = (run.total_steps - flat_from) / run.total_steps
    if share > FLAT_SHARE and last != 0:  # at 0 the updates themselves are a finding
        yield Finding(
            "ends-early",
            flat_from,
            f"the value stays at {last:g} from step {flat_from} on, the last {share:.0%} of the run",
        )


def _has_floor(schedule: Any) -> bool:
    """Whether what runs at last goes down to a stated floor and not to a planned end."""
    if isinstance(schedule, Clip) and schedule.low is not None:
        return True
    parts = [part for _, _, part in children(schedule)]
    if parts:
        return _has_floor(parts[-1])
    return getattr(schedule, "end_value", None) is not None


def _late(run: _Run) -> Iterator[Finding]:
    if run.end is None or run.end <= run.total_steps:
        return
    last, planned = float(run.values[-1]), float(run.schedule(run.end))
    if abs(last - planned) > OPEN_SHARE * run.peak:
        yield Finding(
            "ends-late",
            run.total_steps - 1,
            f"the run has {run.total_steps} steps and the schedule {run.end}: the last update is at "
            f"{last:g}, the planned end is {planned:g}",
        )


def _after(run: _Run) -> Iterator[Finding]:
    if not run.has_plain or run.total_steps < 2 or not run.values[-1] < run.values[-2]:
        return
    last = float(run.values[-1])
    for step in range(run.total_steps, run.total_steps + max(3, run.total_steps // 10)):
        try:
            value = float(run.schedule(step))
        except Exception as error:
            yield Finding("fails-after-end", step, f"step {step} has no value: {error}")
            return
        if value > last + OPEN_SHARE * run.peak:
            yield Finding(
                "rises-after-end", step, f"the value goes up again, from {last:g} to {value:g} at step {step}"
            )
            return


def _jump(run: _Run) -> Iterator[Finding]:
    for jump in unasked_jumps(run.schedule, run.total_steps) if not run.has_plain else ():
        if abs(jump.size) > OPEN_SHARE**2 * run.peak:
            yield Finding(
                "joint-jump",
                jump.step,
                f"the value jumps from {jump.before:g} to {jump.after:g} at step {jump.step}, where two "
                "phases meet",
            )


def _no_effect(run: _Run) -> Iterator[Finding]:
    for node, name in unused_fields(run.schedule, run.total_steps):
        yield Finding(
            "no-effect", None, f"{node.name} has {name}={getattr(node, name)!r}, which changes nothing"
        )


_CHECKS = (_negative, _zero, _warm_up, _early, _late, _after, _jump, _no_effect)
