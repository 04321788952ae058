"""Overrides of the command line, read by Hydra's own parser: the one place where their grammar is known."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override


@dataclass(frozen=True)
class Given:
    """One override.

    Attributes:
        text: as it was typed.
        key: the setting or group, without ``+``, ``++`` or ``~``.
        value: as Hydra writes it; empty where the key is deleted.
        is_deleted: whether it takes the key away.
    """

    text: str
    key: str
    value: str
    is_deleted: bool = False


def parse(overrides: Iterable[str]) -> list[Override]:
    """Return overrides as Hydra understands them, in their order.

    Raises:
        hydra.errors.OverrideParseException: one is none.
    """
    return [_parsed(each) for each in overrides]


def read(overrides: Iterable[str]) -> list[Given]:
    """Return key and value of each override, in their order.

    >>> read(["+trainer.steps=10", "~model", "schedule=cosine"])[0].key
    'trainer.steps'
    """
    return [_given(each) for each in overrides]


def last(overrides: Sequence[str], key: str) -> str | None:
    """Return the value of a key: of several, the last one wins, as in Hydra; ``None`` where it is not given.

    >>> last(["seed=1", "schedule=wsd", "seed=2"], "seed")
    '2'
    """
    values = [given.value for given in read(overrides) if given.key == key]
    return values[-1] if values else None


def without(overrides: Iterable[str], *keys: str) -> list[str]:
    """Return the overrides of other keys than these, and of no setting below one of these.

    >>> without(["task=range_test", "task.steps=9", "seed=1"], "task")
    ['seed=1']
    """
    return [g.text for g in read(overrides) if not any(f"{g.key}.".startswith(f"{key}.") for key in keys)]


@functools.cache
def _parsed(text: str) -> Override:
    [override] = OverridesParser.create().parse_overrides([text])
    return override


@functools.cache
def _given(text: str) -> Given:
    override = _parsed(text)
    is_deleted = bool(override.is_delete())
    value = "" if is_deleted else str(override.get_value_element_as_str())
    return Given(text, str(override.get_key_element()).lstrip("+~"), value, is_deleted)
