"""What the docs say about a schedule agrees with what its class does."""

import dataclasses
import re

import pytest

import schedules
from schedules.fields import percent, rules
from schedules.inspect.description import Description, describe, markdown_table
from schedules.registry import SCHEDULES


@pytest.mark.parametrize("name", schedules.names())
def test_every_schedule_says_what_it_computes_and_when_to_use_it(name):
    about = describe(name)
    assert about.class_name == schedules.get(name).__name__
    assert about.summary.endswith(".")
    assert any(line.startswith("v(t) = ") for line in about.equation)
    assert about.best_for
    assert [f.name for f in about.fields] == [f.name for f in dataclasses.fields(schedules.get(name))]
    assert all(f.text for f in about.fields), "each field needs its line under Attributes"
    assert all(f.limits for f in about.fields)


@pytest.mark.parametrize("name", schedules.names())
def test_no_markup_is_left_in_the_text(name):
    about = describe(name)
    words = [about.summary, about.legend, about.best_for, about.source, *about.notes]
    words += [f.text for f in about.fields]
    assert not [text for text in words if "`" in text or "  " in text or "[" in text]


@pytest.mark.parametrize("name", schedules.names())
def test_bounds_in_the_docstring_are_the_bounds_that_are_checked(name):
    for field in describe(name).fields:
        rule = rules(schedules.get(name))[field.name].rule
        if rule.unit not in ("steps", "number", "value"):
            continue
        stated = re.search(r"(>=?) (-?[\d.]+)", field.limits)
        if stated is None:  # no bound, or one that is another field
            assert rule.low == float("-inf") or re.search(r"> |>= ", field.limits)
        elif float(stated.group(2)) == rule.low:
            assert (stated.group(1) == ">") == rule.above
        else:  # the class asks for more than the field's type: then it must refuse what lies below
            assert float(stated.group(2)) > rule.low


def test_defaults_are_in_words():
    fields = {f.name: f.default for f in describe("wsd").fields}
    assert fields["total_steps"] == "needed"
    assert fields["decay_steps"] == "20% of the run"
    assert fields["init_value"] == "none"
    assert fields["decay_shape"] == "linear"
    assert {f.name: f.default for f in describe("onecycle").fields}["init_value"] == "10% of the peak"


def test_a_multi_phase_formula_keeps_its_columns():
    about = describe("wsd")
    assert about.legend == "With warm-up W, decay D, total T and shapes r and s"
    assert len(about.equation) == 4
    assert {line.index("= ") for line in about.equation} == {5}


def test_a_formula_with_a_condition_is_not_cut_out_of_its_place():
    rows = {row.split("`")[1]: row for row in markdown_table().splitlines()[2:]}
    assert "`peak + (end - peak) * t / T`" in rows["linear"]
    assert not [row for row in rows.values() if re.search(r"`[^`]*<[^`]* t <", row)]
    assert not [row for row in rows.values() if "  " in row]


def test_an_unknown_name_gets_its_nearest():
    with pytest.raises(ValueError, match="did you mean 'cosine'"):
        describe("cosin")


@pytest.fixture
def documented():
    """Register a schedule that uses all the docstring forms, for the length of one test."""

    @dataclasses.dataclass(frozen=True, kw_only=True)
    class Odd:
        """Odd, with a bar::

            v(t) = |a|
            v(t) = b

        Best for: a * b
            over two lines.

        A note on
        two lines.

        Attributes:
            peak_value: a value that
                goes on: with a colon [>= 0].
            items: some lengths [steps, >= 1].

        Source:
            Somebody 1999,
            ``lib.Odd``.

        >>> 1
        1
        """

        peak_value: schedules.fields.Value
        items: tuple[schedules.fields.OneOrMoreSteps, ...] = (percent(5), 10)

        def __call__(self, step):
            return self.peak_value

    schedules.register("odd")(Odd)
    yield "odd"
    SCHEDULES._entries.pop("odd")


def test_the_parser_knows_every_form(documented):
    about = describe(documented)
    assert isinstance(about, Description)
    assert about.summary == "Odd, with a bar."
    assert about.equation == ("v(t) = |a|", "v(t) = b")
    assert about.best_for == "a * b over two lines"
    assert about.notes == ("A note on two lines.",)
    assert about.source == "Somebody 1999, lib.Odd"
    peak, items = about.fields
    assert (peak.text, peak.limits) == ("a value that goes on: with a colon", ">= 0")
    assert (items.default, items.limits) == ("5%, 10", "steps, >= 1")


def test_the_table_has_a_row_for_each_schedule_and_escapes_bars(documented):
    rows = markdown_table().splitlines()
    assert [re.match(r"\| `(\w+)` \|", row).group(1) for row in rows[2:]] == schedules.names()
    assert r"| `odd` | `\|a\|` | a \* b over two lines |" in rows
    assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} == {4}


def test_a_class_without_docstring_can_be_described():
    @dataclasses.dataclass(frozen=True, kw_only=True)
    class Bare:
        peak_value: schedules.fields.Value = 1.0

    Bare.__doc__ = None
    schedules.register("bare")(Bare)
    try:
        about = describe("bare")
        assert (about.summary, about.equation, about.source) == ("", (), "")
        assert about.fields[0].default == "1"
        assert "`bare`" in markdown_table()
    finally:
        SCHEDULES._entries.pop("bare")
