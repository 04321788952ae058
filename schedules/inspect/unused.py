"""Find fields that were set and change nothing, by changing them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np

from ..elementwise import FloatArray
from ..fields import FieldRule, rules
from ..schedule import evaluate, knots
from ..shapes import SHAPES
from ..tree import Put, is_registered, nodes


def unused_fields(schedule: Any, total_steps: int) -> list[tuple[Any, str]]:
    """Return each field that is away from its default and that no update of the run would miss.

    Nothing is known here of what fields mean: each is set to its default and to other values that it may
    have, and the run's values are compared, at its knots and at a thousand steps between.

    Args:
        schedule: a schedule, or a tree of them.
        total_steps: updates in the run [steps, >= 1].

    Returns:
        The schedules that have such fields, with the field's name.

    >>> from schedules import WarmupStableDecay
    >>> s = WarmupStableDecay(total_steps=100, peak_value=1.0, decay_steps=0, decay_shape="cosine")
    >>> [name for _, name in unused_fields(s, 100)]
    ['decay_shape']
    """
    steps = _looked_at(schedule, total_steps)
    now = evaluate(schedule, steps)
    with np.errstate(all="ignore"):  # the other values may be far from sensible
        return [
            (node, name)
            for node, put in nodes(schedule)
            for name, variants in _given(node)
            if _same(
                now, [evaluate(tree, steps) for other in variants for tree in _with(node, name, other, put)]
            )
        ]


def _looked_at(schedule: Any, total_steps: int) -> FloatArray:
    edges = np.array([0, *knots(schedule, total_steps)[:500], total_steps])
    around = (edges[:, None] + np.arange(-3, 4)).ravel()
    steps = np.unique(np.concatenate([np.linspace(0, total_steps - 1, 1000).round(), around]))
    return steps[(steps >= 0) & (steps < total_steps)].astype(float)


def _same(now: FloatArray, others: list[FloatArray]) -> bool:
    return bool(others) and all(np.allclose(other, now, rtol=1e-12, atol=0.0) for other in others)


def _given(node: Any) -> Iterator[tuple[str, list[Any]]]:
    """Yield each field that is not at its default, with other values that it might have had."""
    for field in dataclasses.fields(node) if is_registered(node) else ():
        if field.default is dataclasses.MISSING or field.name == "peak_value":
            continue  # an optional peak is what "10%" was measured by: its work is done
        held = getattr(node, field.name)
        plain = [getattr(new, field.name) for new in _with(node, field.name, field.default, lambda new: new)]
        if held is not None and held not in plain:
            yield field.name, [field.default, *_others(rules(type(node))[field.name], held)]


def _others(field: FieldRule, held: Any) -> list[Any]:
    if field.many or field.rule.unit == "schedule":
        return []
    if field.rule.unit == "shape":
        return [name for name in (*SHAPES, *field.rule.choices) if name != held]
    if field.rule.unit == "choice":
        return [name for name in field.rule.choices if name != held]
    if field.rule.unit == "steps":
        return [held // 2, held + 1, held * 2]
    return [held * 0.5, held * 2.0] if held else [1e-3, 1.0]


def _with(node: Any, name: str, value: Any, put: Put) -> Iterator[Any]:
    """Yield the tree with one field of one schedule changed, if it can have that value."""
    try:
        yield put(dataclasses.replace(node, **{name: value}))
    except (ValueError, OverflowError):
        return
