"""Pictures show what the optimizer gets, and are the same each time."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import schedules
from schedules.show.plot import COLOURS, figure, save
from schedules.show.sample import sample

ONECYCLE = {
    "lr": schedules.OneCycle(total_steps=400, peak_value=0.1),
    "momentum": schedules.OneCycle(total_steps=400, peak_value=0.85, init_value=0.95),
}
COSINE = schedules.Cosine(total_steps=400, peak_value=0.1)
PLANS = {"onecycle": ONECYCLE, "cosine": COSINE}


def test_lines_are_the_values_that_are_written():
    axes = figure({"cosine": COSINE}, 400).axes
    (line,) = axes[0].get_lines()
    steps, drawn = line.get_data()
    assert steps[0] == 0
    assert steps[-1] == 400
    np.testing.assert_array_equal(drawn[:-1], schedules.values(COSINE, 400))


def test_a_short_run_is_drawn_as_stairs_and_a_long_one_as_a_line():
    schedule = schedules.Linear(total_steps=10, peak_value=1.0)
    assert figure({"linear": schedule}, 10).axes[0].get_lines()[0].get_drawstyle() == "steps-post"
    assert figure({"linear": schedule}, 1000).axes[0].get_lines()[0].get_drawstyle() == "default"


def test_each_hyper_parameter_has_a_panel_and_a_label_one_colour():
    drawn = figure(PLANS, 400)
    rate, momentum = drawn.axes
    assert [axis.get_ylabel() for axis in drawn.axes] == ["learning rate", "momentum"]
    assert momentum.get_xlabel() == "step"
    assert [line.get_label() for line in rate.get_lines()] == ["onecycle", "cosine"]
    assert [line.get_label() for line in momentum.get_lines()] == ["onecycle"]
    assert rate.get_lines()[0].get_color() == momentum.get_lines()[0].get_color()
    assert [text.get_text() for text in drawn.legends[0].get_texts()] == ["onecycle", "cosine"]


def test_a_grid_has_a_panel_for_each_label_and_one_scale():
    plans = {f"cosine {i}": schedules.Cosine(total_steps=400, peak_value=0.1 * i) for i in range(1, 7)}
    drawn = figure(plans, 400, grid=True)
    shown = [axis for axis in drawn.axes if axis.get_visible()]
    assert [axis.get_title(loc="left") for axis in shown] == list(plans)
    assert [axis.get_ylim() for axis in shown] == [(0.0, pytest.approx(0.63))] * 6
    lowest = [bool(axis.xaxis.get_tick_params()["labelbottom"]) for axis in shown]
    assert lowest == [False, False, True, True, True, True]


def test_a_grid_of_several_hyper_parameters_is_refused():
    with pytest.raises(ValueError, match="a grid must be of one hyper-parameter, got lr, momentum"):
        figure(PLANS, 400, grid=True)


def test_more_labels_than_colours_can_still_be_told_apart():
    plans = {f"cosine {i}": COSINE for i in range(2 * len(COLOURS))}
    looks = {(line.get_color(), line.get_linestyle()) for line in figure(plans, 400).axes[0].get_lines()}
    assert len(looks) == len(plans)


def test_a_log_scale_is_for_panels_that_span_much_and_leaves_no_zero_behind():
    rate, momentum = figure(PLANS, 400, log=True).axes
    assert (rate.get_yscale(), momentum.get_yscale()) == ("log", "linear")
    low, high = rate.get_ylim()
    assert 0 < low < 0.001
    assert high > 0.1


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 5000), st.integers(1, 400), st.integers(2, 60))
def test_sampled_steps_lie_in_the_run_and_hold_both_sides_of_each_drop(total_steps, step_size, points):
    schedule = schedules.Step(peak_value=1.0, step_size=step_size)
    steps = sample(schedule, total_steps, points)[0].tolist()
    assert steps == sorted(set(steps))
    assert steps[0] == 0
    assert steps[-1] == total_steps - 1
    drops = range(step_size, total_steps, step_size)
    assert len(steps) <= points + 2 * min(len(drops), points)
    for drop in drops if len(drops) <= points else ():
        assert {drop - 1, drop} <= set(steps)


@pytest.mark.parametrize("suffix", [".png", ".svg", ".pdf"])
def test_the_same_plans_give_the_same_bytes(tmp_path, suffix):
    first = save(tmp_path / f"a{suffix}", PLANS, 400, title="One run")
    again = save(tmp_path / "new" / f"b{suffix}", PLANS, 400, title="One run")
    assert first.read_bytes() == again.read_bytes()
    assert len(first.read_bytes()) > 1000


@pytest.mark.parametrize(
    ("plans", "total_steps", "message"),
    [({}, 10, "plans must hold"), (PLANS, 0, "total_steps must be"), (PLANS, 1.5, "total_steps must be")],
)
def test_what_cannot_be_drawn_is_refused(plans, total_steps, message):
    with pytest.raises(ValueError, match=message):
        figure(plans, total_steps)


def test_another_suffix_is_refused_before_anything_is_drawn(tmp_path):
    with pytest.raises(ValueError, match=r"must end in \.png, \.svg, \.pdf, got '.*plot\.gif'"):
        save(tmp_path / "plot.gif", PLANS, 400)


def test_a_constant_zero_and_a_plain_function_can_be_drawn():
    for log in (False, True):
        figure({"zero": lambda step: 0.0, "line": lambda step: step / 10}, 10, log=log).canvas.draw()
        figure({"zero": lambda step: 0.0}, 10, log=log).canvas.draw()


def test_importing_is_free_and_drawing_never_touches_pyplot():
    code = (
        "import sys, schedules, schedules.show.plot as p\n"
        "assert 'matplotlib' not in sys.modules\n"
        "p.figure({'c': schedules.Constant(peak_value=1.0)}, 10)\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
