"""Curves through points (moment, value): where such a plan ends, and the same plan with a later end."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TypeVar

Moment = TypeVar("Moment", int, float)


def planned_end(at: Sequence[Moment], values: Sequence[float], last_shape: str) -> Moment | None:
    """Return the last moment where the curve comes to its last value; ``None`` where none is planned.

    A curve that never falls (a warm-up) has no end, as a schedule that holds its last value has none; nor has
    one whose last change is a drop, as a schedule of steps has none. A curve that falls and comes back (the
    momentum of a one-cycle) ends where it is back.

    Args:
        at: the moments [steps, not falling].
        values: the values there.
        last_shape: the shape that leads to the last point.

    >>> planned_end((0, 10, 100), (0.0, 1.0, 0.0), "cosine"), planned_end((0, 10), (0.0, 1.0), "linear")
    (100, None)
    >>> planned_end((0, 30, 100), (0.95, 0.85, 0.95), "cosine")
    100
    """
    if len(at) < 2 or last_shape in ("constant", "jump") or at[-2] == at[-1]:
        return None
    return at[-1] if any(later < earlier for earlier, later in pairwise(values)) else None


def ending_at(at: Sequence[float], values: Sequence[float], end: float) -> list[float]:
    """Return the moments of the same plan with its end at ``end``.

    A flat stretch at the turn grows, as that of ``wsd``; without one, what comes after the turn is stretched,
    as in ``onecycle``. The turn is the last point that has the highest value; where the curve ends at that
    value, the last of the lowest ones since it first fell.

    >>> ending_at((0, 10, 80, 100), (0.0, 1.0, 1.0, 0.0), 200)
    [0, 10, 180, 200]
    >>> ending_at((0, 10, 55, 100), (0.0, 1.0, 0.5, 0.0), 190)
    [0, 10, 100.0, 190]
    >>> ending_at((0, 30, 100), (0.95, 0.85, 0.95), 200)
    [0, 30, 200]
    """
    turn = _turn(values)
    if turn > 0 and values[turn - 1] == values[turn] and at[turn - 1] < at[turn]:
        return [*at[:turn], *(moment + end - at[-1] for moment in at[turn:])]
    start, last = at[turn], at[-1]
    stretched = (start + (m - start) * (end - start) / (last - start) for m in at[turn + 1 :])
    return [
        *at[: turn + 1],
        *(end if m == last else s for m, s in zip(at[turn + 1 :], stretched, strict=True)),
    ]


def _turn(values: Sequence[float]) -> int:
    """Return the place of the point from which the curve is on its last way."""
    if values[-1] < max(values):
        return _last(values, max(values))
    fall = next(place for place, (earlier, later) in enumerate(pairwise(values)) if later < earlier)
    return _last(values, min(values[fall:]))


def _last(values: Sequence[float], wanted: float) -> int:
    return max(place for place, value in enumerate(values) if value == wanted)
