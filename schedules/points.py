"""Curves through points (moment, value): where such a plan ends, and the same plan with a later end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

Moment = TypeVar("Moment", int, float)


def planned_end(at: Sequence[Moment], values: Sequence[float], last_shape: str) -> Moment | None:
    """Return the last moment where the curve comes down to its last value; ``None`` where none is planned.

    A curve that ends at its highest value (a warm-up), or with a drop, holds its last value as a schedule of
    steps does: it has no end.

    Args:
        at: the moments [steps, not falling].
        values: the values there.
        last_shape: the shape that leads to the last point.

    >>> planned_end((0, 10, 100), (0.0, 1.0, 0.0), "cosine"), planned_end((0, 10), (0.0, 1.0), "linear")
    (100, None)
    """
    if len(at) < 2 or last_shape in ("constant", "jump") or at[-2] == at[-1] or values[-1] >= max(values):
        return None
    return at[-1]


def ending_at(at: Sequence[float], values: Sequence[float], end: float) -> list[float]:
    """Return the moments of the same plan with its end at ``end``.

    A flat stretch at the highest value grows, as that of ``wsd``; without one, what comes after the highest
    value is stretched, as in ``onecycle``.

    >>> ending_at((0, 10, 80, 100), (0.0, 1.0, 1.0, 0.0), 200)
    [0, 10, 180, 200]
    >>> ending_at((0, 10, 100), (0.0, 1.0, 0.0), 190)
    [0, 10, 190.0]
    """
    top = max(place for place, value in enumerate(values) if value == max(values))
    if top > 0 and values[top - 1] == values[top] and at[top - 1] < at[top]:
        return [*at[:top], *(moment + end - at[-1] for moment in at[top:])]
    start = at[top]
    return [*at[: top + 1], *(start + (m - start) * (end - start) / (at[-1] - start) for m in at[top + 1 :])]
