"""A schedule as a tree of plain data (JSON), and back; its fingerprint.

A spec holds every field of the schedule in plain numbers, so it means the same whatever the defaults of a
later version. It is exact and strict: for settings as people write them (``"5%"``, a warm-up in front)
there is :func:`schedules.build`.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from typing import Any

from .fields import FieldRule, rules
from .names import nearest
from .registry import COMBINATORS, SCHEDULES
from .schedule import Schedule

Spec = dict[str, Any]
"""``{"name": ..., field: ...}``: numbers, strings, ``None``, lists, and specs inside."""


def to_spec(schedule: Schedule) -> Spec:
    """Return the schedule as a tree that JSON can hold.

    Raises:
        ValueError: the schedule, or one inside it, is not registered: a plain function has no fields.

    >>> from schedules import Linear, scale
    >>> to_spec(scale(Linear(total_steps=10, peak_value=1.0), 0.5))["schedule"]["total_steps"]
    10
    """
    return _to_spec(schedule, "schedule")


def _to_spec(schedule: Any, place: str) -> Spec:
    name = getattr(type(schedule), "name", None)
    if name is None or _class(name) is not type(schedule):
        raise ValueError(
            f"{place} must be a registered schedule, got {schedule!r}; make it a frozen dataclass under "
            '@schedules.register("its_name") to write it down'
        )
    spec: Spec = {"name": name}
    for field in rules(type(schedule)).values():
        held = getattr(schedule, field.name)
        if field.many and held is not None:
            spec[field.name] = [_plain(field, x, f"{place}.{field.name}[{i}]") for i, x in enumerate(held)]
        else:
            spec[field.name] = _plain(field, held, f"{place}.{field.name}")
    return spec


def _plain(field: FieldRule, held: Any, place: str) -> Any:
    """Return what a field holds in its own type: ``1``, ``1.0`` and numpy's 1 are one thing."""
    if held is None:
        return None
    unit = field.rule.unit
    if unit == "schedule":
        return _to_spec(held, place)
    if unit == "steps":
        return int(held)
    if unit in ("value", "number"):
        return float(held) + 0.0  # -0.0 + 0.0 is 0.0
    return held


def from_spec(spec: Mapping[str, Any]) -> Any:
    """Return the schedule that a spec describes.

    Args:
        spec: what :func:`to_spec` returned; fields that have a default may be left out.

    Raises:
        ValueError: a name or a key is unknown, a needed one is missing, or a field is out of bounds. The
            message says where in the tree.

    >>> from_spec({"name": "linear", "total_steps": 10, "peak_value": 1})(5)
    0.5
    """
    return _from_spec(spec, "schedule")


def _from_spec(spec: Any, place: str) -> Any:
    if not isinstance(spec, Mapping):
        raise ValueError(f"{place} must be a mapping with a name, got {spec!r}")
    if "name" not in spec:
        raise ValueError(f"{place} must have a name, got the keys {', '.join(map(str, spec)) or 'none'}")
    name = spec["name"]
    cls = _class(name)
    if cls is None:
        known = [*SCHEDULES, *COMBINATORS]
        raise ValueError(f"{place}: no schedule is named {name!r}; {nearest(str(name), known)}")
    table = rules(cls)
    given = {}
    for key, held in spec.items():
        if key == "name":
            continue
        if key not in table:
            raise ValueError(f"{place}: {name} has no field {key!r}; {nearest(str(key), list(table))}")
        given[key] = _held(table[key], held, f"{place}.{key}")
    for field in dataclasses.fields(cls):
        needed = field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
        if needed and field.name not in given:
            raise ValueError(f"{place}: {name} needs {field.name}")
    try:
        return cls(**given)
    except ValueError as error:
        raise ValueError(f"{place}: {error}") from None


def _held(field: FieldRule, held: Any, place: str) -> Any:
    if field.rule.unit != "schedule" or held is None:
        return held
    if not field.many:
        return _from_spec(held, place)
    if not isinstance(held, (list, tuple)):
        raise ValueError(f"{place} must be a list, got {held!r}")
    return tuple(_from_spec(part, f"{place}[{i}]") for i, part in enumerate(held))


def _class(name: object) -> type[Any] | None:
    for table in (SCHEDULES, COMBINATORS):
        if isinstance(name, str) and name in table:
            return table[name]
    return None


def dumps(schedule: Schedule, indent: int | None = None) -> str:
    """Return the schedule as JSON."""
    return json.dumps(to_spec(schedule), indent=indent, allow_nan=False)


def loads(text: str) -> Any:
    """Return the schedule that :func:`dumps` wrote; raise ``ValueError`` where it is not one."""
    try:
        return from_spec(json.loads(text))
    except RecursionError:
        raise ValueError("text must be a schedule's JSON, got one nested too deeply to read") from None


def fingerprint(schedule: Schedule) -> str:
    """Return 16 hex digits that stand for the schedule: equal schedules, equal fingerprints, anywhere.

    It is the start of the SHA-256 of the spec as JSON with sorted keys and no spaces, so it doesn't depend
    on the process, the platform or the version of Python.

    >>> from schedules import Constant
    >>> fingerprint(Constant(peak_value=1)) == fingerprint(Constant(peak_value=1.0))
    True
    """
    canonical = json.dumps(to_spec(schedule), sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(canonical.encode("ascii")).hexdigest()[:16]
