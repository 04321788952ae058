"""What a checkpoint says about its plan, and how another plan differs from it.

The text of a plan stands for the plan: it is compared, and read back (names of registered schedules and
literals only; nothing is evaluated).
"""

from __future__ import annotations

import ast
import dataclasses
import re
from typing import Any, NamedTuple

import numpy as np

from ..registry import COMBINATORS, SCHEDULES
from ..schedule import values
from .plan import Plan

_CHUNK = 1 << 16
_LONGEST_SEARCH = 10_000_000


class Difference(NamedTuple):
    """Where two plans part: the first step, the curve's label, and both values there."""

    step: int
    label: str
    first: float
    second: float


def identity(plan: Plan) -> str:
    """Return the text that stands for the plan in a checkpoint; plain functions count by their name."""
    return re.sub(r" at 0x[0-9a-fA-F]+", "", repr(plan))


def rebuild(text: str) -> Plan:
    """Return the plan that a checkpoint's text describes.

    Raises:
        ValueError: it holds something that is no registered schedule, as a plain function.
    """
    try:
        plan = _build(ast.parse(text, mode="eval").body)
        if not isinstance(plan, Plan):
            raise ValueError("it is no plan")
        return plan
    except (SyntaxError, ValueError, TypeError) as reason:
        raise ValueError(
            f"the checkpoint's plan is not this one and can't be read back ({reason}): {text}; "
            'pass on_mismatch="override" to go on with this one'
        ) from None


def _build(node: ast.expr) -> Any:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and not node.args:
        classes = {cls.__name__: cls for cls in (*SCHEDULES.values(), *COMBINATORS.values(), Plan)}
        if node.func.id not in classes:
            raise ValueError(f"no schedule class is named {node.func.id!r}")
        return classes[node.func.id](**{str(k.arg): _build(k.value) for k in node.keywords})
    if isinstance(node, ast.Tuple):
        return tuple(_build(item) for item in node.elts)
    if isinstance(node, ast.Dict):
        return {_build(k): _build(v) for k, v in zip(node.keys, node.values, strict=True) if k is not None}
    return ast.literal_eval(node)  # a number or a text; raises ValueError for anything else


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
    if isinstance(part, Plan):
        return sum(_lengths(s) for s in part.curves().values())
    if dataclasses.is_dataclass(part):
        return sum(_lengths(getattr(part, f.name)) for f in dataclasses.fields(part))
    if isinstance(part, (tuple, list)):
        return sum(_lengths(item) for item in part)
    return abs(part) if isinstance(part, int) and not isinstance(part, bool) else 0
