"""What a schedule's fields may hold: stated once, in the annotation, for checks, docs and schemas alike.

``warmup_steps: Steps`` says that the field is a length in steps, ``peak_value: Value`` that it is a value
of the hyper-parameter. :func:`settle`, called by every ``__post_init__``, turns ``"5%"`` into a number
where the schedule knows its own length and peak, and raises where a field is out of bounds.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from numbers import Real
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

from . import units
from .names import nearest
from .shapes import LOGARITHMIC, POSITIVE_ENDS, SHAPES


@dataclasses.dataclass(frozen=True)
class Rule:
    """What one field (or each item of it) may be.

    Attributes:
        unit: ``"steps"`` (a whole number, or ``"5%"`` of the run), ``"value"`` (of the hyper-parameter,
            or ``"10%"`` of the peak), ``"number"``, ``"shape"``, ``"choice"``, ``"text"`` (anything) or
            ``"schedule"``.
        low: lowest number allowed.
        high: highest number allowed.
        above: whether ``low`` itself is excluded.
        below: whether ``high`` itself is excluded.
        choices: the names allowed, for ``"choice"``, or beside those of all shapes, for ``"shape"``.
    """

    unit: str
    low: float = -math.inf
    high: float = math.inf
    above: bool = False
    below: bool = False
    choices: tuple[str, ...] = ()

    def words(self) -> str:
        """Say the rule in words: ``"a whole number >= 1"``."""
        noun = "a whole number" if self.unit == "steps" else "a number"
        bounds = []
        if self.low > -math.inf:
            bounds.append(f"{'>' if self.above else '>='} {self.low:g}")
        if self.high < math.inf:
            bounds.append(f"{'<' if self.below else '<='} {self.high:g}")
        return " ".join([noun, " and ".join(bounds)]).strip()

    def admits(self, number: float) -> bool:
        """Whether ``number`` is inside the bounds."""
        above = number > self.low if self.above else number >= self.low
        return above and (number < self.high if self.below else number <= self.high)


Steps = Annotated[int, Rule("steps", low=0)]
"""A length [steps, >= 0]."""
OneOrMoreSteps = Annotated[int, Rule("steps", low=1)]
"""A length [steps, >= 1]."""
Value = Annotated[float, Rule("value", low=0.0)]
"""A value of the hyper-parameter [its own unit, >= 0]."""
PositiveValue = Annotated[float, Rule("value", low=0.0, above=True)]
"""A value of the hyper-parameter [its own unit, > 0]."""
Ratio = Annotated[float, Rule("number", low=0.0)]
"""A factor [>= 0]."""
PositiveRatio = Annotated[float, Rule("number", low=0.0, above=True)]
"""A factor [> 0]."""
Part = Annotated[float, Rule("number", low=0.0, high=1.0)]
"""A part of a whole [>= 0, <= 1]."""
Count = Annotated[int, Rule("steps", low=1)]
"""How many of something [>= 1]."""
Offset = Annotated[float, Rule("number")]
"""A distance on the clock, whole or not, forwards or back [steps]."""
ShapeName = Annotated[str, Rule("shape")]
"""A name in ``schedules.SHAPES``."""
WarmupShape = Annotated[str, Rule("shape", choices=(LOGARITHMIC,))]
"""A name in ``schedules.SHAPES``, or ``logarithmic``: DeepSpeed's warm-up, at the peak one step early."""


PLAIN: dict[Any, Rule] = {float: Rule("number"), int: Rule("steps"), str: Rule("text"), bool: Rule("text")}
"""What a field of a user's own class may be whose annotation states no rule."""


def percent(amount: float) -> Any:
    """Write a default as a part of the run (lengths) or of the peak (values)."""
    return f"{amount:g}%"


@dataclasses.dataclass(frozen=True)
class FieldRule:
    """A field's rule, and whether it may be ``None`` or holds several."""

    name: str
    rule: Rule
    optional: bool
    many: bool


_RULES: dict[type, dict[str, FieldRule]] = {}  # reading annotations is slow, and they do not change


def rules(cls: type) -> dict[str, FieldRule]:
    """Return the rule of each field of a schedule class, in order."""
    if cls not in _RULES:
        hints = get_type_hints(cls, include_extras=True)
        _RULES[cls] = {f.name: _read(f.name, hints[f.name]) for f in dataclasses.fields(cls)}
    return _RULES[cls]


def _read(name: str, hint: Any) -> FieldRule:
    optional = many = False
    if get_origin(hint) in (Union, UnionType):
        inner = [arm for arm in get_args(hint) if arm is not NoneType]
        optional, hint = True, inner[0]
    if get_origin(hint) is tuple:
        many, hint = True, get_args(hint)[0]
    found = [extra for extra in getattr(hint, "__metadata__", ()) if isinstance(extra, Rule)]
    return FieldRule(name, found[0] if found else PLAIN.get(hint, Rule("schedule")), optional, many)


def resolve(field: FieldRule, given: Any, horizon: units.Horizon, peak: float | None) -> Any:
    """Return ``given`` in plain numbers: lengths in steps, values as floats; bounds are not looked at."""
    if given is None and field.optional:
        return None
    if field.many:
        if getattr(given, "ndim", None) == 1 and hasattr(given, "tolist"):  # an array or a tensor
            given = given.tolist()
        if isinstance(given, str) or not isinstance(given, Sequence):
            raise ValueError(f"{field.name} must be a list, got {given!r}")
        return tuple(_resolve_one(field, item, horizon, peak) for item in given)
    return _resolve_one(field, given, horizon, peak)


def _resolve_one(field: FieldRule, given: Any, horizon: units.Horizon, peak: float | None) -> Any:
    name, rule = field.name, field.rule
    if rule.unit == "steps":
        return units.steps(given, horizon, name)
    if rule.unit == "value":
        return units.value(given, peak, name)
    if rule.unit == "number":
        number = units.plain(given)
        if not isinstance(number, Real) or not units.is_finite(number):
            raise ValueError(f"{name} must be {rule.words()}, got {units.shortened(given)}")
        return float(number)
    if rule.unit == "schedule" and not callable(given):
        raise ValueError(f"{name} must be a schedule (a function of the step), got {given!r}")
    return given


def check(field: FieldRule, item: Any) -> None:
    """Raise ``ValueError`` where a plain value, or one item of a list, breaks the field's rule."""
    rule = field.rule
    if rule.unit == "shape":
        known = [*SHAPES, *rule.choices]
        if item not in known:
            raise ValueError(
                f"{field.name} must be a shape's name, got {item!r}; {nearest(str(item), known)}"
            )
    elif rule.unit == "choice":
        if item not in rule.choices:
            raise ValueError(
                f"{field.name} must be one of {', '.join(rule.choices)}, got {item!r}; "
                f"{nearest(str(item), list(rule.choices))}"
            )
    elif rule.unit not in ("schedule", "text") and not rule.admits(item):
        raise ValueError(f"{field.name} must be {rule.words()}, got {item!r}")


def settle(schedule: Any) -> None:
    """Bring a new schedule's fields to plain numbers and check each against its rule.

    Percentages are parts of the schedule's own ``total_steps`` and ``peak_value``.

    Raises:
        ValueError: ``<field> must be <rule>, got <value>``.
    """
    table = rules(type(schedule))
    known = {name: getattr(schedule, name) for name in table}
    peak = known.get("peak_value")
    peak = units.value(peak, None, "peak_value") if peak is not None else None
    length = known.get("total_steps")
    length = units.steps(length, units.Horizon(), "total_steps") if length is not None else None
    if length is not None and length < 1:
        raise ValueError(f"total_steps must be a whole number >= 1, got {length!r}")
    horizon = units.Horizon(total_steps=length)
    for name, field in table.items():
        plain = resolve(field, known[name], horizon, peak)
        for item in plain if field.many else (plain,):
            if item is not None or not field.optional:
                check(field, item)
        object.__setattr__(schedule, name, plain)


def check_shape_ends(shape: str, **ends: float) -> None:
    """Raise where a shape that mixes logarithms or reciprocals meets a value of 0."""
    for name, end in ends.items():
        if shape in POSITIVE_ENDS and end <= 0.0:
            raise ValueError(f"{name} must be > 0 with the shape {shape!r}, got {end!r}")


def check_at_most(schedule: Any, parts: Sequence[str], whole: str) -> None:
    """Raise where lengths that follow each other exceed the whole."""
    lengths = [getattr(schedule, part) for part in parts]
    limit = getattr(schedule, whole)
    if sum(lengths) > limit:
        raise ValueError(
            f"{' + '.join(parts)} must be <= {whole}, got {' + '.join(map(str, lengths))} > {limit}"
        )
