"""Which settings decide a result, and which a resumed run may change: derived from the fields' own words."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

from .config import RunSettings
from .rules import Purpose, purposes


@functools.cache
def _purposes() -> dict[str, Purpose]:
    return purposes(RunSettings)


def purpose_of(path: str) -> Purpose:
    """Return what the setting of a path is for; a field of a group has the purpose of its group."""
    known = _purposes()
    while path and path not in known:
        path = path.rpartition(".")[0]
    return known.get(path, Purpose())


def may_change() -> list[str]:
    """Return the settings that a run that goes on may have another value of."""
    return [path for path, purpose in _purposes().items() if purpose.may_change]


def deciding(flat_settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return those of some settings, flat, that decide what a run comes to; 1e4 and 10000 are one number."""
    return {
        path: int(value) if isinstance(value, float) and value.is_integer() else value
        for path, value in flat_settings.items()
        if purpose_of(path).decides
    }
