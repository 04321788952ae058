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
