"""Phases without length, whole-number arrays, and what a schedule holds before its first step."""

import numpy as np
import pytest

import schedules
from schedules.elementwise import piecewise, progress


@pytest.mark.parametrize("step", [-1, 0, 3])
def test_phase_without_length_is_done_at_every_step(step):
    assert progress(step, 0) == 1.0
    assert progress(np.array([step]), 0).tolist() == [1.0]


def test_before_zero_holds_the_first_value_when_there_is_no_warmup():
    wsd = schedules.WarmupStableDecay(total_steps=10, peak_value=1.0, init_value=0.5, warmup_steps=0)
    cycle = schedules.OneCycle(total_steps=10, peak_value=1.0, init_value=0.5, warmup_steps=0)
    ramp = schedules.Ramp(peak_value=1.0, init_value=0.5, warmup_steps=0)

    assert [s(-1) for s in (wsd, cycle, ramp)] == [1.0, 1.0, 1.0]


def test_join_with_an_empty_first_part_never_shows_it():
    joined = schedules.join(schedules.Constant(peak_value=9.0), schedules.Constant(peak_value=1.0), at=[0])

    assert [joined(t) for t in (-1, 0, 5)] == [1.0, 1.0, 1.0]
    assert joined(np.array([-1.0, 0.0, 5.0])).tolist() == [1.0, 1.0, 1.0]


def test_whole_number_arrays_give_the_same_as_floats():
    constant = schedules.Constant(peak_value=0.1)

    assert constant(np.arange(3)).tolist() == [0.1, 0.1, 0.1]


def test_unsorted_steps_give_the_same_as_sorted_ones():
    branches = [lambda t: t * 0.0, lambda t: t * 0.0 + 1.0, lambda t: t]
    steps = np.array([[7.0, 2.0], [5.0, 0.0]])

    assert piecewise(steps, (2, 5), branches).tolist() == [[7.0, 1.0], [5.0, 0.0]]
    assert [piecewise(t, (2, 5), branches) for t in (1.9, 2, 5)] == [0.0, 1.0, 5]


@pytest.mark.parametrize(
    ("total", "start"), [(50_000, 0), (16_384, 0), (16_385, 1), (20, 19), (5, 5), (5, 9)]
)
def test_values_are_the_same_whatever_pieces_they_are_made_in(total, start):
    s = schedules.build("cosine", total_steps=40_000, peak_value=0.1, warmup_steps=20_000)

    made = schedules.values(s, total, start)

    assert made.dtype == np.float64
    assert made.tolist() == s(np.arange(start, max(start, total), dtype=float)).tolist()


def test_values_of_a_plain_function():
    assert schedules.values(lambda step: step * 2, 4, start=1).tolist() == [2.0, 4.0, 6.0]


def test_phases_without_length_are_not_entered_before_zero_either():
    """A warm-up of no steps is no part of the schedule: neither its values nor its shape's needs."""
    skipped = schedules.Infinite(
        total_steps=10, peak_value=0.0, warmup_steps=0, cooldown_steps=0, decay_steps=0, plateau_value=0.1
    )
    shaped = schedules.InverseSqrt(peak_value=1.0, timescale=5, init_value=0.0, warmup_shape="inverse")
    for s, first in ((skipped, 0.1), (shaped, 1.0)):
        assert [s(-1), s(0)] == [first, first]
        assert s(np.array([-1.0, 0.0])).tolist() == [first, first]
        assert s(np.array([0.0, -1.0])).tolist() == [first, first]
