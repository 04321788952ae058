import math

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from schedules import (
    Constant,
    Cosine,
    CosineRestarts,
    Exponential,
    Linear,
    MultiStep,
    OneCycle,
    Polynomial,
    Step,
    WarmupStableDecay,
    area,
    build,
    clip,
    diff,
    every,
    first_step_at_or_below,
    join,
    jumps,
    kinks,
    peak,
    planned_steps,
    product,
    repeat,
    scale,
    scaled_to,
    shift,
    values,
)

quick = settings(max_examples=60, deadline=None)
numbers = st.floats(0.01, 2.0)
lengths = st.integers(2, 60)

leaves = st.one_of(
    st.builds(Constant, peak_value=numbers),
    st.builds(Linear, total_steps=lengths, peak_value=numbers, end_value=numbers),
    st.builds(Cosine, total_steps=lengths, peak_value=numbers, end_value=numbers),
    st.builds(Step, peak_value=numbers, step_size=lengths),
)
trees = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.tuples(inner, inner, lengths).map(lambda drawn: join(drawn[0], drawn[1], at=drawn[2])),
        st.tuples(inner, inner).map(lambda drawn: product(*drawn)),
        st.builds(shift, inner, st.integers(-5, 5)),
    ),
    max_leaves=4,
)


# area, peak, inverse


@quick
@given(trees, st.integers(0, 50), st.integers(0, 50))
def test_areas_add_up(tree, first, second):
    whole = area(tree, first + second)

    assert whole == pytest.approx(area(tree, first) + area(tree, first + second, start=first), rel=1e-14)
    assert whole == pytest.approx(sum(tree(t) for t in range(first + second)), rel=1e-12)


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        (Constant(peak_value=0.1), 100.0),
        (Linear(total_steps=1000, peak_value=0.1), 0.1 * 1001 / 2),
        (Cosine(total_steps=1000, peak_value=0.1), 0.1 * 1001 / 2),
        (Exponential(peak_value=1.0, gamma=0.99), (1 - 0.99**1000) / 0.01),
        (lambda step: step, 999 * 1000 / 2),
    ],
)
def test_the_area_is_the_closed_form(schedule, expected):
    assert area(schedule, 1000) == pytest.approx(expected, rel=1e-13)


@quick
@given(trees)
def test_the_peak_is_the_first_highest_value(tree):
    run = [tree(t) for t in range(80)]

    assert peak(tree, 80).value == pytest.approx(max(run), rel=1e-14)
    assert max(run[: peak(tree, 80).step], default=-1) < max(run)


def test_the_peak_of_no_updates_is_refused():
    with pytest.raises(ValueError, match="stop must be a whole number >= 1, got 0"):
        peak(Constant(peak_value=1.0), 0)


@quick
@given(trees, st.floats(0.0, 2.0), st.integers(0, 20))
def test_the_first_step_at_or_below_is_at_or_below_and_none_before_is(tree, value, start):
    step = first_step_at_or_below(tree, value, 80, start=start)
    run = values(tree, 80)

    assert (step is None) == bool(np.all(run[start:] > value))
    if step is not None:
        assert run[step] <= value
        assert np.all(run[start:step] > value)


@quick
@given(trees, trees)
def test_schedules_of_equal_area_or_peak_differ_in_shape_only(a, b):
    if area(a, 80) > 0 and area(b, 80) > 0:
        assert area(scaled_to(a, 80, area=area(b, 80)), 80) == pytest.approx(area(b, 80))
        assert peak(scaled_to(a, 80, peak=peak(b, 80).value), 80).value == pytest.approx(peak(b, 80).value)
        assert diff(scaled_to(scale(a, 0.5), 80, area=area(a, 80)), a, 80) is None


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "exactly one of area"),
        ({"area": 1.0, "peak": 1.0}, "exactly one"),
        ({"area": -1.0}, "by must be"),
    ],
)
def test_a_wrong_scale_is_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        scaled_to(Constant(peak_value=1.0), 10, **settings)
    with pytest.raises(ValueError, match="schedule must have an area and a peak > 0"):
        scaled_to(Constant(peak_value=0.0), 10, area=1.0)


# jumps and kinks


def found(breaks):
    return [(b.step, round(b.before, 6), round(b.after, 6)) for b in breaks]


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        (Step(peak_value=1.0, step_size=30), [(30, 1, 0.1), (60, 0.1, 0.01), (90, 0.01, 0.001)]),
        (MultiStep(peak_value=1.0, milestones=(30, 80)), [(30, 1, 0.1), (80, 0.1, 0.01)]),
        (shift(MultiStep(peak_value=1.0, milestones=(30, 80)), 0.5), [(30, 1, 0.1), (80, 0.1, 0.01)]),
        (CosineRestarts(peak_value=1.0, cycle_steps=40), [(40, 0, 1), (80, 0, 1)]),
        (repeat(Linear(total_steps=40, peak_value=1.0), 40, decay=0.5), [(40, 0, 0.5), (80, 0, 0.25)]),
        (join(1.0, 0.5, 0.5, at=(10, 20)), [(10, 1, 0.5)]),
        (Cosine(total_steps=60, peak_value=1.0), []),
        (build("cosine", total_steps=60, peak_value=1.0, warmup_steps=7), []),
        (build("linear", total_steps=60, peak_value=1.0, warmup_steps=7, warmup_shape="one_minus_sqrt"), []),
        (WarmupStableDecay(total_steps=60, peak_value=1.0, decay_shape="one_minus_sqrt"), []),
        (OneCycle(total_steps=60, peak_value=1.0), []),
        (Polynomial(total_steps=60, peak_value=1.0, power=0.3), []),
        (Constant(peak_value=0.0), []),
        (
            join(Linear(total_steps=10, peak_value=1.0), Cosine(total_steps=50, peak_value=0.3), at=5),
            [(5, 0.5, 0.3)],
        ),
        (every(Linear(total_steps=90, peak_value=0.9), 30), [(30, 0.9, 0.6), (60, 0.6, 0.3), (90, 0.3, 0)]),
    ],
)
def test_jumps_are_found_with_both_sides(schedule, expected):
    assert found(jumps(schedule, 100)) == expected


@pytest.mark.parametrize("length", [100, 10_000, 1_000_000, 100_000_000])
def test_no_jump_is_made_up_in_a_long_run(length):
    smooth = build("cosine", total_steps=length, peak_value=3e-4, warmup_steps="1%", end_value=0.0)
    cooled = build(
        "wsd", total_steps=length, peak_value=3e-4, warmup_steps="1%", decay_shape="one_minus_sqrt"
    )

    assert jumps(smooth, length + 1) == jumps(cooled, length + 1) == ()


@pytest.mark.parametrize("length", [100, 10_000, 1_000_000, 100_000_000])
def test_a_jump_of_a_millionth_is_found_in_a_long_run(length):
    schedule = join(1.0, 1.0 + 1e-6, at=length)

    assert [b.step for b in jumps(schedule, length + 1)] == [length]


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        (build("cosine", total_steps=60, peak_value=1.0, warmup_steps=10), [10]),
        (build("linear", total_steps=60, peak_value=1.0, warmup_steps=10), [10, 60]),
        (WarmupStableDecay(total_steps=60, peak_value=1.0, decay_steps=20, warmup_steps=10), [10, 40, 60]),
        (
            WarmupStableDecay(total_steps=60, peak_value=1.0, decay_steps=20, decay_shape="one_minus_sqrt"),
            [40, 60],
        ),
        (WarmupStableDecay(total_steps=60, peak_value=1.0, decay_steps=20, decay_shape="cosine"), []),
        (OneCycle(total_steps=60, peak_value=1.0), [27, 54, 60]),
        (shift(Linear(total_steps=60, peak_value=1.0), 0.5), [60]),
        (clip(Cosine(total_steps=60, peak_value=1.0), low=0.1), [48]),
        (Exponential(peak_value=1.0, gamma=0.9, end_value=0.01), [44]),
        (Step(peak_value=1.0, step_size=30), []),
        (Cosine(total_steps=60, peak_value=1.0), []),
    ],
)
def test_kinks_are_found(schedule, expected):
    assert [b.step for b in kinks(schedule, 100)] == expected


def test_a_kink_states_the_change_from_update_to_update():
    (kink,) = kinks(build("cosine", total_steps=1010, peak_value=1.0, warmup_steps=10, init_value=0.0), 1000)

    assert kink.before == pytest.approx(0.1)
    assert kink.after == pytest.approx(-(math.pi**2) / 4 / 1000**2, rel=1e-4)
    assert kink.size == kink.after - kink.before


@pytest.mark.parametrize("length", [100, 10_000, 1_000_000])
def test_kinks_are_the_same_ones_in_a_long_run(length):
    schedule = build("wsd", total_steps=length, peak_value=3e-4, warmup_steps="10%")

    assert [b.step for b in kinks(schedule, length)] == [length // 10, length * 8 // 10]


@quick
@given(trees, st.floats(0.1, 10.0))
def test_breaks_scale_with_the_values(tree, by):
    for ask in (jumps, kinks):
        assert [b.step for b in ask(scale(tree, by), 80)] == [b.step for b in ask(tree, 80)]


@pytest.mark.parametrize("ask", [jumps, kinks])
def test_plain_functions_declare_no_knots_and_are_refused(ask):
    with pytest.raises(ValueError, match="schedule must be made of registered schedules"):
        ask(join(0.1, lambda step: 0.1, at=3), 10)


# diff


@quick
@given(trees)
def test_a_schedule_does_not_differ_from_itself(tree):
    assert diff(tree, tree, 80, tolerance=0.0) is None
    assert diff(tree, lambda step: tree(step), 80) is None


@quick
@given(trees, trees)
def test_a_difference_is_where_it_says_and_turns_its_sign_with_the_sides(a, b):
    there, back = diff(a, b, 80), diff(b, a, 80)

    if there is None:
        assert values(a, 80) == pytest.approx(values(b, 80))
        return
    gap = values(a, 80) - values(b, 80)
    assert np.abs(gap).max() == abs(there.largest) == abs(gap[there.largest_step])
    assert gap[: there.first_step] == pytest.approx(0.0, abs=1e-8)
    assert gap[there.first_step] != 0
    assert there.area == pytest.approx(area(a, 80) - area(b, 80))
    assert (back.first_step, back.largest, back.area) == (there.first_step, -there.largest, -there.area)


def test_diff_says_where_a_checkpoint_and_a_config_part():
    trained = build("wsd", total_steps=100, peak_value=0.1, decay_steps=20)
    planned = build("wsd", total_steps=200, peak_value=0.1, decay_steps=20)

    found = diff(trained, planned, 200)

    assert (found.first_step, found.largest, found.largest_step) == (81, -0.1, 100)
    assert found.area == pytest.approx(-10.0)


def test_a_difference_counts_by_the_size_of_the_values():
    tiny = Linear(total_steps=10, peak_value=1e-12)

    assert diff(tiny, scale(tiny, 1.01), 10).first_step == 0
    assert diff(tiny, scale(tiny, 1 + 1e-12), 10) is None
    assert diff(tiny, scale(tiny, 1.01), 10, tolerance=0.1) is None


def test_a_value_that_is_no_number_differs():
    assert diff(lambda step: math.nan, Constant(peak_value=1.0), 5).first_step == 0
    assert diff(lambda step: math.inf, lambda step: math.inf, 5) is None


# the planned end


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        (Constant(peak_value=1.0), None),
        (Step(peak_value=1.0, step_size=30), None),
        (Linear(total_steps=60, peak_value=1.0), 60),
        (CosineRestarts(peak_value=1.0, cycle_steps=10, cycle_mult=2, cycles=3), 70),
        (CosineRestarts(peak_value=1.0, cycle_steps=10), None),
        (build("cosine", total_steps=60, peak_value=1.0, warmup_steps=7), 60),
        (build("cosine", total_steps=60, peak_value=1.0, shift=1), 59),
        (build("cosine", total_steps=60, peak_value=1.0, shift=0.5), 60),
        (build("cosine", total_steps=60, peak_value=1.0, every=7), 63),
        (join(Linear(total_steps=60, peak_value=1.0), 0.1, at=60), None),
        (repeat(Linear(total_steps=60, peak_value=1.0), 60, times=3), 180),
        (repeat(Linear(total_steps=60, peak_value=1.0), 60), None),
        (clip(scale(Linear(total_steps=60, peak_value=1.0), 2.0), low=0.1), 60),
        (product(0.1, Linear(total_steps=60, peak_value=1.0)), 60),
        (lambda step: 0.1, None),
    ],
)
def test_the_planned_end_is_known(schedule, expected):
    assert planned_steps(schedule) == expected


@pytest.mark.parametrize("stop", [10, 11, 1000])
def test_at_its_planned_end_a_schedule_has_come_to_rest(stop):
    for name in ("linear", "cosine", "wsd", "onecycle"):
        schedule = build(name, total_steps=stop, peak_value=1.0, end_value=0.25, every=3, shift=0.5)
        end = planned_steps(schedule)
        assert set(values(schedule, end + 30, start=end)) == {0.25}
