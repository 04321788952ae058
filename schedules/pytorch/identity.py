"""What a checkpoint says about its plan, and how another plan differs from it.

The text of a plan stands for the plan: it is compared, and read back (registered schedules by name only;
nothing is evaluated).
"""

from __future__ import annotations

import dataclasses
import json
import re
from typing import Any, NamedTuple

import numpy as np

from ..schedule import Schedule, values
from ..spec import from_spec, to_spec
from .bundle import Bundle
from .plan import Plan

_CHUNK = 1 << 16
_LONGEST_SEARCH = 10_000_000


class Difference(NamedTuple):
    """Where two plans part: the first step, the curve's label, and both values there."""

    step: int
    label: str
    first: float
    second: float


def identity(plan: Bundle) -> str:
    """Return the text that stands for the plan in a checkpoint: the specs of its schedules, as JSON.

    A schedule that is, or holds, a plain function has no spec. It counts by how it prints, without
    addresses, and can't be read back: two functions of one name are taken for the same.
    """
    return json.dumps(_said(plan))


def _said(plan: Bundle) -> dict[str, Any]:
    own = {name: _spec(schedule) for name, schedule in plan.items()}
    return own | {"groups": [[pattern, _said(part)] for pattern, part in plan.groups.items()]}


def _spec(schedule: Schedule) -> Any:
    try:
        return to_spec(schedule)
    except ValueError:
        return re.sub(r" at 0x[0-9a-fA-F]+", "", repr(schedule))


def rebuild(text: str) -> Plan:
    """Return the plan that a checkpoint's text describes.

    Raises:
        ValueError: it holds something that is no registered schedule, as a plain function.
    """
    try:
        return _plan(json.loads(text))
    except (ValueError, TypeError) as reason:
        raise ValueError(
            f"the checkpoint's plan is not this one and can't be read back ({reason}): {text}; "
            'pass on_mismatch="override" to go on with this one'
        ) from None


def _plan(said: Any) -> Plan:
    if not isinstance(said, dict):
        raise ValueError("it is no plan")
    groups = {pattern: _plan(part) for pattern, part in said.pop("groups", ())}
    return Plan(groups=groups, **{name: from_spec(spec) for name, spec in said.items()})


def difference(first: Plan, second: Plan, at_least: int = 0) -> Difference | None:
    """Return the first step at which two plans give different values, ``None`` where they give the same.

    Steps are searched up to the sum of all lengths that the two plans state, and at least so many.
    """
    ours, theirs = first.curves(), second.curves()
    found = [
        Difference(0, label, *(float(c[label](0)) if label in c else float("nan") for c in (ours, theirs)))
        for label in sorted(ours.keys() ^ theirs.keys())
    ]
    stop = min(max(_lengths(first) + _lengths(second), at_least) + 1, _LONGEST_SEARCH)
    for start in range(0, stop, _CHUNK):
        end = min(start + _CHUNK, stop)
        for label in ours.keys() & theirs.keys():
            a, b = values(ours[label], end, start), values(theirs[label], end, start)
            apart = np.flatnonzero(~np.isclose(a, b, rtol=1e-9, atol=0.0))
            if len(apart):
                i = int(apart[0])
                found.append(Difference(start + i, label, float(a[i]), float(b[i])))
        if found:
            return min(found)
    return None


def _lengths(part: Any) -> int:
    """Add up every whole number in a plan: its lengths are among them."""
    if isinstance(part, Bundle):
        return sum(_lengths(s) for s in part.curves().values())
    if dataclasses.is_dataclass(part):
        return sum(_lengths(getattr(part, f.name)) for f in dataclasses.fields(part))
    if isinstance(part, (tuple, list)):
        return sum(_lengths(item) for item in part)
    return abs(part) if isinstance(part, int) and not isinstance(part, bool) else 0
