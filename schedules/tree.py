"""Walk the schedules inside a schedule, and put others in their place."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

from .fields import rules

Put = Callable[[Any], Any]
"""Takes a schedule for one place in a tree and returns the whole tree with it there."""


def is_registered(schedule: object) -> bool:
    """Whether this is a registered schedule, and not a plain function."""
    return bool(getattr(type(schedule), "takes_arrays", False))


def children(schedule: object) -> Iterator[tuple[str, int | None, Any]]:
    """Yield each schedule right inside this one: its field, its place where the field has many, itself."""
    for field in rules(type(schedule)).values() if is_registered(schedule) else ():
        held = getattr(schedule, field.name)
        if field.rule.unit != "schedule" or held is None:
            continue
        if field.many:
            yield from ((field.name, place, part) for place, part in enumerate(held))
        else:
            yield field.name, None, held


def nodes(schedule: Any, put: Put = lambda new: new) -> Iterator[tuple[Any, Put]]:
    """Yield the schedule and every one inside it, each with the function that puts another in its place.

    >>> from schedules import Constant, Linear, scale
    >>> tree = scale(Constant(peak_value=0.1), 2.0)
    >>> (_, _), (inner, put) = nodes(tree)
    >>> put(Linear(total_steps=10, peak_value=1.0)) == scale(Linear(total_steps=10, peak_value=1.0), 2.0)
    True
    """
    yield schedule, put
    for name, place, part in children(schedule):

        def put_part(new: Any, name: str = name, place: int | None = place) -> Any:
            held = getattr(schedule, name)
            held = new if place is None else (*held[:place], new, *held[place + 1 :])
            return put(dataclasses.replace(schedule, **{name: held}))

        yield from nodes(part, put_part)
