"""Schedules that watch the loss: the same counting as the libraries they come from, and no hidden state."""

from __future__ import annotations

import dataclasses
import json
import math
import subprocess
import sys

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.optim.lr_scheduler import ReduceLROnPlateau

import schedules
from schedules import Greedy, Plateau
from schedules.feedback.rule import Feedback
from schedules.pytorch import Plan

LOSSES = st.lists(st.sampled_from([0.5, 0.9, 0.99, 1.0, 1.0001, 1.2, 2.0, float("nan")]), max_size=40)
COUNTS = st.integers(0, 4)
MODES = st.sampled_from(["min", "max"])
THRESHOLD_MODES = st.sampled_from(["rel", "abs"])
THRESHOLDS = st.sampled_from([0.0, 1e-4, 0.1])


def values_of(rule: Feedback, losses: list[float]) -> list[float]:
    """Return the value after each loss."""
    state, found = rule.init(), []
    for loss in losses:
        state = rule.observe(state, loss)
        found.append(rule.value(state))
    return found


@given(LOSSES, COUNTS, COUNTS, MODES, THRESHOLD_MODES, THRESHOLDS)
@settings(max_examples=60, deadline=None)
def test_plateau_counts_as_torch_does(losses, patience, cooldown, mode, threshold_mode, threshold):
    same = {
        "mode": mode,
        "factor": 0.5,
        "patience": patience,
        "cooldown": cooldown,
        "threshold": threshold,
        "threshold_mode": threshold_mode,
    }
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    theirs, expected = ReduceLROnPlateau(optimizer, min_lr=0.05, **same), []
    for loss in losses:
        theirs.step(loss)
        expected.append(optimizer.param_groups[0]["lr"])

    assert values_of(Plateau(peak_value=1.0, min_value=0.05, **same), losses) == expected


def plateau_as_in_keras(losses: list[float], patience: int, cooldown: int, min_delta: float) -> list[float]:
    """Return the rates of Keras's callback, from its published rules: wait is compared with >=."""
    lr, best, wait, resting, found = 1.0, math.inf, 0, 0, []
    for loss in losses:
        if resting > 0:
            resting, wait = resting - 1, 0
        if loss < best - min_delta:
            best, wait = loss, 0
        elif resting == 0:
            wait += 1
            if wait >= patience and lr > 0.05:
                lr, wait, resting = max(lr * 0.5, 0.05), 0, cooldown
        found.append(lr)
    return found


@given(LOSSES, COUNTS, COUNTS, THRESHOLDS)
@settings(max_examples=60, deadline=None)
def test_plateau_counts_as_keras_does(losses, patience, cooldown, threshold):
    rule = Plateau(
        peak_value=1.0,
        factor=0.5,
        min_value=0.05,
        patience=patience,
        cooldown=cooldown,
        threshold=threshold,
        threshold_mode="abs",
        convention="keras",
    )
    assert values_of(rule, losses) == plateau_as_in_keras(losses, patience, cooldown, threshold)


def test_the_two_conventions_differ_by_one_bad_loss():
    flat = [1.0] * 5
    by = {c: Plateau(peak_value=1.0, factor=0.5, patience=2, convention=c) for c in ("torch", "keras")}
    assert values_of(by["torch"], flat) == [1.0, 1.0, 1.0, 0.5, 0.5]
    assert values_of(by["keras"], flat) == [1.0, 1.0, 0.5, 0.5, 0.25]


def test_plateau_warms_up_and_counts_nothing_meanwhile():
    rule = Plateau(peak_value=1.0, factor=0.5, patience=0, warmup_steps=4, init_value=0.0)
    assert rule.value(rule.init()) == 0.0
    assert values_of(rule, [1.0] * 6) == [0.25, 0.5, 0.75, 1.0, 0.5, 0.25]


def test_a_warm_up_moves_at_the_first_update():
    rule = Plateau(peak_value=1.0, warmup_steps=3)
    assert rule.value(rule.init()) == 0.25


def test_smoothing_judges_the_mean():
    noisy = [3.0, 1.0, 2.5, 0.5, 2.0, 0.0]  # each pair's mean is lower than the one before
    assert values_of(Plateau(peak_value=1.0, patience=0), noisy)[-1] < 1.0
    assert values_of(Plateau(peak_value=1.0, patience=0, window=2), noisy) == [1.0] * 6


@pytest.mark.parametrize("wrong", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("window", [1, 3])
def test_a_loss_that_is_no_number_is_a_bad_one(wrong: float, window: int):
    rule = Plateau(peak_value=1.0, factor=0.5, patience=1, window=window)
    state = rule.init()
    for loss in (1.0, wrong, wrong):
        state = rule.observe(state, loss)
    assert (rule.value(state), state.best) == (0.5, 1.0)
    assert rule.observe(state, 0.5).best < 1.0  # and it did not spoil the mean


def greedy_as_published(losses: list[float], rule: Greedy) -> list[float]:
    """Return the values of GreedyLR, from its description."""
    v, best, good, bad, pause, left, recent, found = rule.init_value, None, 0, 0, 0, rule.reset_after, [], []
    for loss in losses:
        recent = [*recent, loss][-rule.window :]
        mean = sum(recent) / len(recent)
        if pause > 0:
            pause, good, bad = pause - 1, 0, 0
            found.append(v)
            continue
        if rule.mode == "min":
            improved = best is None or mean < best - rule.threshold
        else:
            improved = best is None or mean > best + rule.threshold
        good, bad = (good + 1, 0) if improved else (0, bad + 1)
        best = mean if improved else best
        if good > rule.patience:
            v, good, pause, left = min(v / rule.factor, rule.max_value), 0, rule.warmup, rule.reset_after
        elif bad > rule.patience:
            v, bad, pause = max(v * rule.factor, rule.min_value), 0, rule.cooldown
            left -= v == rule.min_value
            if left == 0:
                v, best, left, recent = rule.init_value, None, rule.reset_after, []
        found.append(v)
    return found


FINITE = st.lists(st.sampled_from([0.5, 1.0, 1.0, 1.0, 1.2, 2.0]), max_size=60)


@given(FINITE, st.integers(0, 2), COUNTS, COUNTS, MODES, st.integers(1, 3), st.integers(1, 3))
@settings(max_examples=60, deadline=None)
def test_greedy_follows_its_description(losses, patience, cooldown, warmup, mode, window, reset_after):
    rule = Greedy(
        init_value=0.5,
        factor=0.5,
        patience=patience,
        cooldown=cooldown,
        warmup=warmup,
        mode=mode,
        window=window,
        min_value=0.25,
        max_value=0.9,
        reset_after=reset_after,
    )
    assert values_of(rule, losses) == greedy_as_published(losses, rule)


def test_greedy_rises_falls_and_starts_afresh():
    rule = Greedy(init_value=0.4, factor=0.5, patience=0, min_value=0.1, max_value=1.0, reset_after=2)
    losses = [5.0, 4.0, 3.0, 3.0, 3.0, 3.0, 3.0, 3.0, 9.0]
    assert values_of(rule, losses) == [0.8, 1.0, 1.0, 0.5, 0.25, 0.125, 0.1, 0.4, 0.8]


def test_a_rise_ends_the_count_towards_a_fresh_start():
    rule = Greedy(init_value=0.4, factor=0.5, patience=0, min_value=0.1, max_value=1.0, reset_after=2)
    assert values_of(rule, [5.0, 5.0, 5.0, 5.0, 4.0, 4.0, 4.0]) == [0.8, 0.4, 0.2, 0.1, 0.2, 0.1, 0.4]


def test_greedy_rel_threshold():
    rule = Greedy(init_value=0.4, factor=0.5, patience=0, threshold=0.1, threshold_mode="rel")
    assert values_of(rule, [1.0, 0.95, 0.85]) == [0.8, 0.4, 0.8]


RULES = {
    "plateau": Plateau(peak_value=1.0, factor=0.5, patience=1, cooldown=1, window=2, warmup_steps=2),
    "greedy": Greedy(init_value=0.5, factor=0.5, patience=1, cooldown=1, warmup=2, window=2),
}


@pytest.mark.parametrize("name", list(RULES))
@given(losses=LOSSES, cut=st.integers(0, 40))
@settings(max_examples=25, deadline=None)
def test_a_state_survives_json_and_observing_is_pure(name: str, losses: list[float], cut: int):
    rule = RULES[name]
    state = rule.init()
    for i, loss in enumerate(losses):
        if i == cut:
            saved = json.loads(json.dumps(dataclasses.asdict(state), allow_nan=False))
            assert rule.restore(saved) == state
            state = rule.restore(saved)
        assert rule.observe(state, loss) == rule.observe(state, loss)
        state = rule.observe(state, loss)
    assert [rule.value(state)] == (values_of(rule, losses)[-1:] or [rule.value(rule.init())])


@pytest.mark.parametrize("name", list(RULES))
def test_a_state_of_another_form_is_refused(name: str):
    rule = RULES[name]
    saved = dataclasses.asdict(rule.init())
    with pytest.raises(ValueError, match="the state has no 'bat'; did you mean 'bad'"):
        rule.restore(saved | {"bat": 1})
    del saved["bad"]
    with pytest.raises(ValueError, match="the state lacks 'bad'"):
        rule.restore(saved)


@given(losses=st.lists(st.floats(0, 10), max_size=60), name=st.sampled_from(["plateau", "greedy"]))
@settings(max_examples=40, deadline=None)
def test_the_value_stays_between_its_bounds(losses: list[float], name: str):
    rule = {
        "plateau": Plateau(peak_value=1.0, min_value="20%", patience=0),
        "greedy": Greedy(init_value=0.5, min_value=0.2, max_value=1.0, patience=0, factor=0.3),
    }[name]
    assert all(0.2 <= v <= 1.0 for v in values_of(rule, losses))


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: Plateau(peak_value=1.0, factor=1.0), "factor must be a number > 0 and < 1, got 1.0"),
        (lambda: Plateau(peak_value=1.0, factor=0.0), "factor must be a number > 0"),
        (lambda: Plateau(peak_value=1.0, patience=-1), "patience must be a whole number >= 0"),
        (lambda: Plateau(peak_value=1.0, min_value=2.0), "min_value must be <= peak_value"),
        (lambda: Plateau(peak_value=1.0, mode="mim"), "did you mean 'min'"),
        (lambda: Plateau(peak_value=1.0, convention="tf"), "convention must be one of torch, keras"),
        (lambda: Plateau(peak_value=1.0, window=0), "window must be a whole number >= 1"),
        (
            lambda: Plateau(peak_value=1.0, warmup_steps=2, warmup_shape="exponential", init_value=0),
            "must be > 0",
        ),
        (lambda: Greedy(init_value=2.0), "init_value must be >= min_value and <= max_value"),
        (lambda: Greedy(init_value=1e-4), "init_value must be >= min_value and <= max_value"),
        (lambda: Greedy(init_value=0.1, factor=1.0), "factor must be a number > 0 and < 1"),
    ],
)
def test_wrong_fields_are_refused(build, message: str):
    with pytest.raises(ValueError, match=message):
        build()


def test_the_table_has_both_and_helps():
    assert sorted(schedules.FEEDBACK) == ["greedy", "plateau"]
    assert schedules.FEEDBACK["plateau"] is Plateau
    with pytest.raises(ValueError, match="did you mean 'plateau'"):
        schedules.FEEDBACK["platau"]


def test_a_rule_prints_as_the_code_that_rebuilds_it():
    for rule in RULES.values():
        assert eval(repr(rule), vars(schedules)) == rule


def test_a_rule_drives_an_optimizer_through_a_plan():
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.3)
    rule = Plateau(peak_value=1.0, factor=0.5, patience=0)
    state, used = rule.init(), []
    write = Plan(lr=lambda step: 0.1 * rule.value(state)).bind(optimizer)
    for step, loss in enumerate([2.0, 2.0, 1.0, 1.0]):
        used.append(write(step)["lr"])
        state = rule.observe(state, loss)
    assert used == [0.1, 0.1, 0.05, 0.05]


def test_feedback_needs_no_torch():
    code = "import sys, schedules.feedback; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
