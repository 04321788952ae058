"""What there is to say about a schedule, read from its class: equation, use, fields, source.

The docstring is the only place where these words are written. The command line, the README's table and
the docs all read it through :func:`describe`.
"""

from __future__ import annotations

import dataclasses
import inspect
import re
from dataclasses import dataclass
from typing import Any

from ..fields import FieldRule, Rule, rules
from ..registry import get, names

_SECTION = re.compile(r"([A-Z][a-z]+):")
_ATTRIBUTE = re.compile(r"(\w+): (.*)")
_LIMITS = re.compile(r"\s*\[([^\]]*)\]")
_CONDITION = re.compile(r"  .*<")  # set apart after the formula: where it holds
_MARKUP = re.compile(r":\w+:`|`+")


@dataclass(frozen=True)
class FieldDescription:
    """What there is to say about one field.

    Attributes:
        name: the field.
        default: its default in words: ``"20% of the run"``, ``"linear"``, ``"needed"`` where it has none.
        limits: unit and bounds: ``"steps, >= 1"``.
        text: what it means.
    """

    name: str
    default: str
    limits: str
    text: str


@dataclass(frozen=True)
class Description:
    """What there is to say about one schedule; plain text without markup.

    Attributes:
        name: the registered name.
        class_name: the class in ``schedules``.
        summary: the docstring's first sentence.
        legend: what the equation's letters stand for, where the docstring says so.
        equation: the lines of the formula.
        notes: further paragraphs.
        best_for: when to use it.
        fields: its fields, in order.
        source: papers and libraries it comes from.
    """

    name: str
    class_name: str
    summary: str
    legend: str
    equation: tuple[str, ...]
    notes: tuple[str, ...]
    best_for: str
    fields: tuple[FieldDescription, ...]
    source: str


def describe(name: str) -> Description:
    """Return what there is to say about the schedule of that name.

    Raises:
        ValueError: no schedule is named so; the message offers the nearest name.

    >>> cosine = describe("cosine")
    >>> cosine.best_for
    'vision and language models; with a warm-up the standard of both'
    >>> cosine.fields[0]
    FieldDescription(name='total_steps', default='needed', limits='steps, >= 1', text='T, where it ends')
    """
    cls = get(name)
    doc = _parse(cls.__doc__ or "")
    texts = _attributes(doc.sections.get("Attributes", []))
    table = rules(cls)
    return Description(
        name=name,
        class_name=cls.__name__,
        summary=doc.summary,
        legend=doc.legend,
        equation=tuple(doc.equation),
        notes=tuple(doc.notes),
        best_for=doc.best_for,
        fields=tuple(_field(f, table[f.name], texts.get(f.name, "")) for f in dataclasses.fields(cls)),
        source=_plain(doc.sections.get("Source", [])).rstrip("."),
    )


def markdown_table() -> str:
    """Return the table of all registered schedules in Markdown: name, value at step ``t``, use.

    A formula of one line stands as it is. One of several phases gives way to the first sentence.
    """
    rows = [("name", "value at step `t`", "best for"), ("---", "---", "---")]
    for name in names():
        about = describe(name)
        rows.append((f"`{name}`", _short_equation(about), _cell(about.best_for)))
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _short_equation(about: Description) -> str:
    """Return the formula if its first line says it all, else the first sentence, up to a colon."""
    whole = all(line.startswith("v(t) = ") and not _CONDITION.search(line) for line in about.equation)
    if about.equation and whole:
        formula = re.sub(r"  +", " ", about.equation[0].removeprefix("v(t) = "))
        return f"`{formula}`".replace("|", r"\|")
    return _cell(about.summary.split(": ")[0].rstrip("."))


def _cell(text: str) -> str:
    """Escape what Markdown would read as markup."""
    return re.sub(r"([|*<])", r"\\\1", text)


@dataclass
class _Docstring:
    """A docstring in parts."""

    summary: str = ""
    legend: str = ""
    best_for: str = ""
    equation: list[str] = dataclasses.field(default_factory=list)
    notes: list[str] = dataclasses.field(default_factory=list)
    sections: dict[str, list[str]] = dataclasses.field(default_factory=dict)


def _parse(docstring: str) -> _Docstring:
    """Take a Google-style docstring apart, block by block."""
    doc = _Docstring()
    section: list[str] | None = None
    equation_next = False
    for block in re.split(r"\n\s*\n", inspect.cleandoc(docstring)):
        lines = block.splitlines()
        heading = _SECTION.fullmatch(lines[0].strip()) if lines else None
        if heading:
            section = doc.sections.setdefault(heading.group(1), [])
            section.extend(lines[1:])
        elif block.startswith(" "):  # an equation, or a section that goes on after a blank line
            if equation_next:
                doc.equation += inspect.cleandoc("\n" + block).splitlines()
            elif section is not None:
                section.extend(lines)
        elif not block.startswith(">>>"):
            section, equation_next = None, block.rstrip().endswith("::")
            _paragraph(doc, _plain(lines))
    return doc


def _paragraph(doc: _Docstring, text: str) -> None:
    """Put one paragraph of prose where it belongs."""
    use = text.removeprefix("Best for: ")
    if use != text:
        doc.best_for = use.rstrip(".")
    elif not doc.summary:
        doc.summary = re.sub(r"::?$", ".", text)
    elif text.endswith("::"):
        doc.legend = text.removesuffix("::")
    else:
        doc.notes.append(text)


def _plain(lines: list[str]) -> str:
    """Join lines into one, without backticks and roles."""
    return _MARKUP.sub("", " ".join(line.strip() for line in lines))


def _attributes(lines: list[str]) -> dict[str, str]:
    """Return the text of each entry in an ``Attributes`` section; deeper lines go on with the last one."""
    base = min((len(line) - len(line.lstrip()) for line in lines if line.strip()), default=0)
    texts: dict[str, str] = {}
    name = ""
    for line in lines:
        entry = _ATTRIBUTE.fullmatch(line[base:])
        if entry:
            name, texts[entry.group(1)] = entry.group(1), entry.group(2)
        elif name:
            texts[name] += " " + line.strip()
    return texts


def _field(field: dataclasses.Field[Any], rule: FieldRule, text: str) -> FieldDescription:
    stated = _LIMITS.search(text)
    limits = stated.group(1) if stated else _limits(rule.rule)
    meaning = _plain([_LIMITS.sub("", text, count=1)]).rstrip(".")
    return FieldDescription(field.name, _default(field, rule.rule), limits, meaning)


def _limits(rule: Rule) -> str:
    """Return a rule's unit and bounds in the form that docstrings use: ``"steps, >= 1"``."""
    if rule.unit == "shape":
        return "a shape"
    if rule.unit == "text":
        return ""
    if rule.unit == "schedule":
        return "a schedule"
    if rule.unit == "choice":
        return ", ".join(rule.choices)
    bounds = rule.words().removeprefix("a whole number").removeprefix("a number").strip()
    return ", ".join(part for part in ("steps" if rule.unit == "steps" else "", bounds) if part) or "a number"


def _default(field: dataclasses.Field[Any], rule: Rule) -> str:
    default = field.default
    if default is dataclasses.MISSING and field.default_factory is not dataclasses.MISSING:
        default = field.default_factory()
    if default is dataclasses.MISSING:
        return "needed"
    if isinstance(default, str) and default.endswith("%"):
        return f"{default} of the {'run' if rule.unit == 'steps' else 'peak'}"
    if isinstance(default, float):
        return f"{default:g}"
    if isinstance(default, tuple | list):
        return ", ".join(map(str, default)) or "empty"
    return "none" if default is None else str(default)
