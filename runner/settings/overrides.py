"""The overrides of a command line, as Hydra's own parser reads them; every part of the runner asks here.

Of two overrides of one key the last one counts, as Hydra has it, whether it names one value or several.
"""

from __future__ import annotations

import functools
import re
import shlex
from collections.abc import Iterable, Sequence

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, OverrideType
from hydra.errors import HydraException

from ..errors import ConfigError


@functools.lru_cache(maxsize=4096)
def parse_one(word: str) -> Override:
    """Return one override as Hydra reads it.

    Raises:
        ConfigError: it is none; the message quotes it.
    """
    try:
        [parsed] = OverridesParser.create().parse_overrides([word])
    except (HydraException, ValueError) as error:
        raise ConfigError(unreadable(word)) from error
    return parsed


def parse(words: Iterable[str]) -> list[Override]:
    """Return overrides as Hydra reads them, in their order.

    Raises:
        ConfigError: one of them is none.
    """
    return [parse_one(word) for word in words]


def unreadable(word: str) -> str:
    """Say what is wrong with an argument that Hydra's grammar refuses, and how to quote its value."""
    key, equals, value = word.partition("=")
    if not equals:
        return f"an override must be key=value, got {word!r}"
    if value[:1] in ("'", '"'):
        return f"{key} has a value that cannot be read, got {value}"
    return f"{key} must quote a value with characters such as = , : {{ or a space: {command_word(key, value)}"


def command_word(key: str, value: str) -> str:
    """Return an override for a shell, with a value that Hydra takes as it is."""
    return shlex.quote(f"{key}={quoted(value)}")


def quoted(text: str) -> str:
    """Return a text as Hydra takes it whole: a bare comma would be a list, an equals sign an error."""
    mark = "'" if '"' in text else '"'
    escaped = re.sub(rf"(\\*)({mark}|\Z)", lambda m: m[1] * 2 + (f"\\{mark}" if m[2] else ""), text)
    return f"{mark}{escaped}{mark}"


def key_of(word: str) -> str:
    """Return the setting or group that an override is of: ``optimizer.lr`` of ``+optimizer.lr=0.1``."""
    return parse_one(word).key_or_group


def value_of(word: str) -> str:
    """Return an override's value as text: a string without its quotes, all else as typed."""
    value = parse_one(word).value()
    return str(value) if isinstance(value, str) else word.partition("=")[2]


def in_force(words: Iterable[str]) -> list[str]:
    """Return the overrides that count: of each key the last one, at its place.

    One that follows ``+key`` keeps a sign that lets it add the key.

    >>> in_force(["optimizer.lr=0.1,0.3", "seed=1", "optimizer.lr=0.2"])
    ['seed=1', 'optimizer.lr=0.2']
    """
    last: dict[tuple[str, bool], str] = {}
    for word in words:
        parsed = parse_one(word)
        place = (parsed.get_key_element().lstrip("+~"), parsed.is_delete())
        before = last.pop(place, None)
        adds = before is not None and parse_one(before).type in (OverrideType.ADD, OverrideType.FORCE_ADD)
        last[place] = f"++{word}" if adds and parsed.type is OverrideType.CHANGE else word
    return list(last.values())


def given(words: Iterable[str]) -> dict[str, str]:
    """Return the value of each key, as text, in the order of the overrides that count."""
    return {key_of(word): value_of(word) for word in in_force(words) if not parse_one(word).is_delete()}


def without(words: Iterable[str], *keys: str) -> list[str]:
    """Return the overrides of other keys; ``"task"`` also stands for every key below it."""
    return [
        word
        for word in words
        if not any(key_of(word) == key or key_of(word).startswith((f"{key}.", f"{key}/")) for key in keys)
    ]


def command(words: Sequence[str], *, python: str = "python", multirun: bool = False) -> str:
    """Return the command of these overrides for a shell, each quoted by itself."""
    return " ".join([python, "-m runner", *(["-m"] if multirun else []), *map(shlex.quote, words)])
