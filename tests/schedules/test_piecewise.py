"""Points with dates and stages with lengths: the recipes that state either."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import schedules
from schedules import MultiStage, Piecewise
from schedules.units import Horizon


@given(
    st.lists(st.integers(0, 500), min_size=1, max_size=6, unique=True).map(sorted),
    st.data(),
)
def test_straight_lines_are_those_of_numpy(steps, data):
    count = len(steps)
    values = data.draw(st.lists(st.floats(0.0, 10.0), min_size=count, max_size=count))
    s = Piecewise(steps=steps, values=values)
    clock = np.arange(-5.0, 510.0)

    assert s(clock) == pytest.approx(np.interp(clock, steps, values), rel=1e-12, abs=1e-12)
    assert [s(t) for t in clock.tolist()] == pytest.approx(s(clock), rel=1e-12, abs=1e-300)


def test_constant_between_points_is_multistep():
    ours = Piecewise(steps=(0, 30, 60), values=(0.1, 0.01, 0.001), between=("constant",))
    theirs = schedules.MultiStep(peak_value=0.1, milestones=(30, 60))

    assert schedules.values(ours, 90) == pytest.approx(schedules.values(theirs, 90), rel=1e-12)


def test_two_points_at_one_step_make_a_jump():
    s = Piecewise(steps=(0, 10, 10, 20), values=(1.0, 0.5, 0.1, 0.1))

    assert s(9.999999) == pytest.approx(0.5, abs=1e-6)
    assert [s(t) for t in (10, 15, 25)] == [0.1, 0.1, 0.1]


def test_a_jump_at_the_start_is_over_before_the_start():
    s = Piecewise(steps=(0, 0), values=(9.0, 1.0))

    assert [s(t) for t in (-1, 0, 1)] == [1.0, 1.0, 1.0]


def test_points_take_units_and_parts_of_the_peak():
    s = schedules.build(
        "piecewise",
        horizon=Horizon(total_steps=1000, steps_per_epoch=100),
        peak_value=0.4,
        steps=[0, "1ep", "50%", "100%"],
        values=["0%", "100%", 0.2, "1%"],
        between=["linear", "cosine", "linear"],
    )

    assert s.steps == (0, 100, 500, 1000)
    assert [s(t) for t in (0, 50, 100, 300, 500, 1000)] == pytest.approx([0.0, 0.2, 0.4, 0.3, 0.2, 0.004])


def test_a_warmup_in_front_moves_no_point():
    s = schedules.build(
        "piecewise",
        steps=[0, 80, 90],
        values=[1.0, 0.316, 0.1],
        between=["constant"],
        warmup_steps=20,
        init_value=0,
    )

    assert [s(t) for t in (0, 10, 20, 79, 80, 90)] == [0.0, 0.5, 1.0, 1.0, 0.316, 0.1]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (
            {"steps": (0, 10), "values": (1.0,)},
            "values must be as many as steps, and one or more, got 1 for 2",
        ),
        ({"steps": (), "values": ()}, "values must be as many as steps, and one or more, got 0 for 0"),
        ({"steps": (10, 0), "values": (1.0, 1.0)}, r"steps must not fall, got \(10, 0\)"),
        ({"steps": (0, 5, 9), "values": (1, 1, 1), "between": ()}, "between must hold 1 or 2 shapes, got 0"),
        (
            {"steps": (0, 5), "values": (1, 1), "between": ("jump",)},
            "between must be a shape's name, got 'jump'",
        ),
        (
            {"steps": (0, 5), "values": (1, 0), "between": ("exponential",)},
            "values must be > 0 with the shape",
        ),
        ({"steps": (0, 5), "values": (1, "5%")}, "values = '5%' needs a peak_value"),
        ({"steps": "05", "values": (1, 1)}, "steps must be a list, got '05'"),
    ],
)
def test_points_that_make_no_curve_are_refused(fields, message):
    with pytest.raises(ValueError, match=message):
        Piecewise(**fields)


def test_deepseek_v3_by_stages():
    """arXiv:2412.19437: 2.2e-4 to 10T tokens, cosine to 2.2e-5 over 4.3T, flat for 333B, 7.3e-6 for 167B."""
    s = schedules.build(
        "multistage",
        horizon=Horizon(total_steps=14_800, tokens_per_step=10**9),
        peak_value=2.2e-4,
        stage_steps=["10e12tok", "4.3e12tok", "333e9tok", "167e9tok"],
        stage_values=["100%", "10%", "10%", 7.3e-6],
        stage_shapes=["linear", "cosine", "linear", "jump"],
    )
    at = {9_990: 2.2e-4, 12_150: 1.21e-4, 14_400: 2.2e-5, 14_750: 7.3e-6}  # step (1B tokens): rate

    assert [s(step) for step in at] == pytest.approx(list(at.values()), rel=1e-12)
    assert s(14_632) == 2.2e-5
    assert s(14_633) == 7.3e-6
    assert s(20_000) == 7.3e-6


def test_deepseek_v3_by_dates_is_the_same_curve():
    dated = schedules.build(
        "piecewise",
        steps=[10_000, 14_300, 14_633, 14_633],
        values=[2.2e-4, 2.2e-5, 2.2e-5, 7.3e-6],
        between=["cosine", "linear", "linear"],
    )
    staged = MultiStage(
        peak_value=2.2e-4,
        stage_steps=(10_000, 4_300, 333, 167),
        stage_values=(2.2e-4, 2.2e-5, 2.2e-5, 7.3e-6),
        stage_shapes=("linear", "cosine", "linear", "jump"),
    )

    assert schedules.values(dated, 15_000) == pytest.approx(schedules.values(staged, 15_000), rel=1e-12)


def test_moonlight_rises_again_before_its_last_line():
    """arXiv:2502.16982: cosine from 4.2e-4 to 4.2e-5, up to 1e-4 in 100 steps, straight to 0 over 500B."""
    s = schedules.build(
        "multistage",
        peak_value=4.2e-4,
        stage_steps=[5_000, 100, 500],
        stage_values=["10%", 1e-4, 0.0],
        stage_shapes=["cosine", "linear", "linear"],
        warmup_steps=200,
        init_value=0.0,
    )
    after = {0: 0.0, 100: 2.1e-4, 200: 4.2e-4, 2_700: 2.31e-4, 5_200: 4.2e-5, 5_250: 7.1e-5, 5_300: 1e-4}

    assert [s(step) for step in after] == pytest.approx(list(after.values()), rel=1e-9)
    assert [s(t) for t in (5_550, 5_800, 6_000)] == pytest.approx([5e-5, 0.0, 0.0], abs=1e-12)


def test_stages_without_length_are_passed_through():
    s = MultiStage(peak_value=1.0, stage_steps=(0, 4, 0), stage_values=(0.5, 0.25, 0.1))

    assert [s(t) for t in (-1, 0, 2, 4)] == [0.5, 0.5, 0.375, 0.1]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (
            {"stage_values": (1.0,)},
            "stage_values must be as many as stage_steps, and one or more, got 1 for 2",
        ),
        ({"stage_steps": (), "stage_values": ()}, "one or more, got 0 for 0"),
        ({"stage_shapes": ("linear",) * 3}, "stage_shapes must hold 1 or 2 shapes, got 3"),
        ({"stage_shapes": ("jmp",)}, "stage_shapes must be a shape's name, got 'jmp'; did you mean 'jump'"),
        (
            {"stage_shapes": ("linear", "exponential")},
            "stage_values must be > 0 with the shape 'exponential'",
        ),
    ],
)
def test_stages_that_do_not_fit_are_refused(changed, message):
    fields = {"peak_value": 1.0, "stage_steps": (5, 5), "stage_values": (0.5, 0.0)} | changed
    with pytest.raises(ValueError, match=message):
        MultiStage(**fields)
