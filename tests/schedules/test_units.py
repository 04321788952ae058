"""Lengths and values as people write them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schedules.units import Horizon, steps, value

RUN = Horizon(total_steps=999, steps_per_epoch=10, examples_per_step=32, tokens_per_step=4096)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (200, 200),
        (200.0, 200),
        ("5%", 49),
        (" 5 % ", 49),
        ("100%", 999),
        ("12.5%", 124),
        ("3ep", 30),
        ("1.55ep", 15),
        ("40ba", 40),
        ("2e3ex", 62),
        ("1e6tok", 244),
        (".5ep", 5),
        ("0%", 0),
    ],
)
def test_lengths_become_whole_steps(written, expected):
    length = steps(written, RUN)

    assert length == expected
    assert type(length) is int


def test_percentages_are_exact_where_floats_are_not():
    assert 0.29 * 100 < 29
    assert steps("29%", Horizon(total_steps=100)) == 29


@given(st.integers(1, 10**7), st.lists(st.integers(1, 50), min_size=1, max_size=6))
def test_parts_of_a_whole_never_exceed_it(total, weights):
    parts = [f"{100 * weight // sum(weights)}%" for weight in weights]

    assert sum(steps(part, Horizon(total_steps=total)) for part in parts) <= total


@pytest.mark.parametrize(
    "written", ["5", "five", "5 percent", "-5%", "5%%", "", "nan%", "5sec", 1.5, True, None]
)
def test_other_forms_are_refused_by_the_name_of_the_field(written):
    with pytest.raises(ValueError, match="warmup_steps must be a whole number of steps, or a text as"):
        steps(written, RUN, "warmup_steps")


@pytest.mark.parametrize(
    ("written", "needs"),
    [
        ("5%", "total_steps"),
        ("3ep", "steps_per_epoch"),
        ("2e6ex", "examples_per_step"),
        ("1e9tok", "tokens_per_step"),
    ],
)
def test_a_unit_that_the_run_does_not_know_says_what_it_needs(written, needs):
    with pytest.raises(ValueError, match=f"warmup_steps = '{written}' needs {needs}"):
        steps(written, Horizon(), "warmup_steps")


@pytest.mark.parametrize("number", [np.int64(7), np.int32(7), np.float64(7.0)])
def test_whole_numbers_of_numpy_are_lengths(number):
    assert steps(number, RUN) == 7
    assert type(steps(number, RUN)) is int


@pytest.mark.parametrize("field", ["total_steps", "steps_per_epoch", "examples_per_step", "tokens_per_step"])
@pytest.mark.parametrize("wrong", [0, -1, 1.5, True, "10"])
def test_a_horizon_holds_whole_numbers(field, wrong):
    with pytest.raises(ValueError, match=f"{field} must be a whole number >= 1, got {wrong!r}"):
        Horizon(**{field: wrong})


def test_values_are_floats_or_parts_of_the_peak():
    assert value("10%", 0.5) == 0.05
    assert value("250%", 2.0) == 5.0
    assert value(3, None) == 3.0
    assert type(value(np.float64(3), None)) is float


@pytest.mark.parametrize("wrong", ["0.1", "3ep", "ten", True, None, float("nan"), float("inf")])
def test_other_values_are_refused_by_the_name_of_the_field(wrong):
    with pytest.raises(ValueError, match="end_value must be a"):
        value(wrong, 1.0, "end_value")


def test_a_part_of_the_peak_needs_a_peak():
    with pytest.raises(ValueError, match="end_value = '10%' needs a peak_value"):
        value("10%", None, "end_value")
