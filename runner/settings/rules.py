"""What a setting may hold and what it is for: stated once, on the field, for every reader.

``steps: Whole | None = setting(None, may_change=True)`` says that ``steps`` is a whole number >= 1, and that
a resumed run may have another. :func:`settle` checks the rules; :class:`Purpose` is what the rest asks for.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass, field
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

from ..errors import ConfigError


@dataclass(frozen=True)
class Rule:
    """What one setting may be.

    Attributes:
        low: lowest number allowed.
        high: highest number allowed.
        above: whether ``low`` itself is excluded.
        below: whether ``high`` itself is excluded.
        whole: whether it must be a whole number; ``1e4`` is one.
        choices: the words allowed.
    """

    low: float = -math.inf
    high: float = math.inf
    above: bool = False
    below: bool = False
    whole: bool = False
    choices: tuple[str, ...] = ()

    def words(self) -> str:
        """Say the rule in words: ``"a whole number >= 1"``."""
        if self.choices:
            return f"one of {', '.join(self.choices)}"
        bounds = []
        if self.low > -math.inf:
            bounds.append(f"{'>' if self.above else '>='} {self.low:g}")
        if self.high < math.inf:
            bounds.append(f"{'<' if self.below else '<='} {self.high:g}")
        return " ".join(["a whole number" if self.whole else "a number", " and ".join(bounds)]).strip()

    def admits(self, value: Any) -> bool:
        """Whether the rule allows a value of the setting's type."""
        if self.choices:
            return value in self.choices
        above = value > self.low if self.above else value >= self.low
        below = value < self.high if self.below else value <= self.high
        return above and below and math.isfinite(value)


Whole = Annotated[int, Rule(low=1, whole=True)]
"""How many of something [>= 1]."""
WholeOrZero = Annotated[int, Rule(low=0, whole=True)]
"""How many of something [>= 0]."""
Positive = Annotated[float, Rule(low=0.0, above=True)]
"""A number [> 0]."""
NotNegative = Annotated[float, Rule(low=0.0)]
"""A number [>= 0]."""


@dataclass(frozen=True)
class Purpose:
    """What a setting is for.

    Attributes:
        decides: whether it decides what a run comes to: a job that differs in it is another job of a sweep,
            and another competitor in a comparison.
        may_change: whether a run that goes on may have another value.
    """

    decides: bool = True
    may_change: bool = False


def setting(default: Any, *, decides: bool = True, may_change: bool = False) -> Any:
    """Return a field of settings, with what it is for; a list or a class makes each its own default."""
    metadata = {"purpose": Purpose(decides, may_change)}
    if isinstance(default, type):
        return field(default_factory=default, metadata=metadata)
    if isinstance(default, list):
        return field(default_factory=lambda: list(default), metadata=metadata)
    return field(default=default, metadata=metadata)


def purposes(kind: type, prefix: str = "") -> dict[str, Purpose]:
    """Return the purpose of every setting by its path; what is below a node that is no class shares its."""
    hints = get_type_hints(kind)
    found: dict[str, Purpose] = {}
    for each in dataclasses.fields(kind):
        path, hint = f"{prefix}{each.name}", hints[each.name]
        if isinstance(hint, type) and dataclasses.is_dataclass(hint):
            found |= purposes(hint, f"{path}.")
        else:
            found[path] = each.metadata.get("purpose", Purpose())
    return found


def _fields(kind: type) -> dict[str, tuple[type, Rule | None]]:
    """Return each field's plain type and its rule."""
    return {name: _read(hint) for name, hint in get_type_hints(kind, include_extras=True).items()}


def _read(hint: Any) -> tuple[type, Rule | None]:
    if get_origin(hint) in (Union, UnionType):
        hint = next(arm for arm in get_args(hint) if arm is not NoneType)
    rule = next((each for each in getattr(hint, "__metadata__", ()) if isinstance(each, Rule)), None)
    plain = get_args(hint)[0] if get_origin(hint) is Annotated else hint
    return plain, rule


def settle(settings: Any, where: str) -> None:
    """Turn whole numbers such as ``1e4`` into integers, and check each setting against its rule.

    Args:
        settings: an object of a class of settings; it is changed.
        where: what stands before the name of a field: ``trainer``.

    Raises:
        ConfigError: ``<setting> must be <rule>, got <value>``.
    """
    for name, (plain, rule) in _fields(type(settings)).items():
        given = getattr(settings, name)
        if rule is None or given is None:
            continue
        value = given if plain is str else number(given, plain)
        if value is None or (rule.whole and not float(value).is_integer()) or not rule.admits(value):
            path = f"{where}.{name}" if where else name
            raise ConfigError(f"{path} must be {rule.words()}, got {_shown(given, rule)}")
        setattr(settings, name, value)


def number(given: Any, plain: type) -> Any:
    """Return a number as an ``int`` or a ``float``; ``None`` where it is none of that type."""
    if isinstance(given, bool):
        return None
    try:
        value = float(given)
        if plain is int and isinstance(given, (int, str)):
            return int(given) if isinstance(given, int) or "e" not in given.lower() else _whole(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return _whole(value) if plain is int else value


def _whole(value: float) -> int | None:
    return int(value) if math.isfinite(value) and value.is_integer() else None


def _shown(given: Any, rule: Rule) -> str:
    if not rule.choices:
        return str(given)
    from schedules.names import nearest  # here, so that --help doesn't wait for numpy

    return f"{given!r}; {nearest(str(given), list(rule.choices))}"


def open_numbers(kind: type) -> type:
    """Return a class like ``kind`` for Hydra's schema, with whole numbers of any type.

    OmegaConf refuses ``1e4`` for an ``int``; :func:`settle` takes it, and says more where it is none.
    """
    hints = get_type_hints(kind)
    fields: list[Any] = []
    for each in dataclasses.fields(kind):
        hint = hints[each.name]
        if isinstance(hint, type) and dataclasses.is_dataclass(hint):
            inner = open_numbers(hint)
            fields.append((each.name, inner, field(default_factory=inner)))
            continue
        is_whole = hint is int or (get_origin(hint) in (Union, UnionType) and int in get_args(hint))
        made = (
            field(default_factory=each.default_factory)
            if each.default_factory is not dataclasses.MISSING
            else field(default=each.default)
        )
        fields.append((each.name, Any if is_whole else hint, made))
    return dataclasses.make_dataclass(kind.__name__, fields)
