"""optax's schedules, restated from their documented formulas."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import schedules
from schedules import (
    Constant,
    Cosine,
    CosineRestarts,
    Exponential,
    MultiStep,
    Step,
    from_optax,
    to_optax_arguments,
)

UNIT = st.floats(0.01, 2.0)
STEPS = st.integers(1, 40)
BEGIN = st.integers(0, 9)
SCALES = st.dictionaries(st.integers(0, 40), st.floats(0.1, 2.0), max_size=4)
NUMBERS = range(60)


def agrees(ours, theirs):
    expected = [theirs(count) for count in NUMBERS]
    assert [ours(count) for count in NUMBERS] == pytest.approx(expected, rel=1e-9, abs=1e-9)
    assert schedules.values(ours, 60) == pytest.approx(expected, rel=1e-9, abs=1e-9)
    try:
        said = to_optax_arguments(ours)
    except ValueError:
        return
    back = from_optax(said.pop("schedule"), **said)
    assert [back(count) for count in NUMBERS] == pytest.approx(expected, rel=1e-9, abs=1e-9)


@settings(max_examples=40, deadline=None)
@given(UNIT, UNIT, st.floats(0.3, 4.0), STEPS, BEGIN)
def test_polynomial_and_linear(init, end, power, steps, begin):
    def theirs(p):
        return lambda n: end + (init - end) * (1 - min(max(n - begin, 0), steps) / steps) ** p

    said = {
        "init_value": init,
        "end_value": end,
        "transition_steps": steps,
        "transition_begin": begin,
    }
    agrees(from_optax("polynomial_schedule", **said, power=power), theirs(power))
    agrees(from_optax("linear_schedule", **said), theirs(1))


@settings(max_examples=40, deadline=None)
@given(UNIT, STEPS, st.floats(0.05, 0.99), BEGIN, st.booleans(), st.one_of(st.none(), UNIT))
def test_exponential_decay(init, steps, rate, begin, staircase, end):
    def theirs(n):
        done = (n - begin) / steps
        value = init * rate ** (math.floor(done) if staircase else done) if n > begin else init
        return value if end is None else max(value, end)

    ours = from_optax(
        "exponential_decay",
        init_value=init,
        transition_steps=steps,
        decay_rate=rate,
        transition_begin=begin,
        staircase=staircase,
        end_value=end,
    )
    agrees(ours, theirs)


@settings(max_examples=40, deadline=None)
@given(UNIT, STEPS, st.floats(0.0, 1.0), st.floats(0.3, 4.0))
def test_cosine_decay(init, steps, alpha, exponent):
    def theirs(n):
        wave = 0.5 * (1 + math.cos(math.pi * min(n, steps) / steps))
        return init * ((1 - alpha) * wave**exponent + alpha)

    said = {"init_value": init, "decay_steps": steps, "alpha": alpha, "exponent": exponent}
    agrees(from_optax("cosine_decay_schedule", **said), theirs)


@settings(max_examples=60, deadline=None)
@given(UNIT, SCALES, st.sampled_from(["linear", "cosine"]))
def test_piecewise(init, scales, kind):
    knots = sorted(scales)

    def value_at(knot):
        return init * math.prod(scales[k] for k in knots if k <= knot)

    def interpolated(n):
        later = [k for k in knots if k > n]
        if not later:
            return value_at(n)
        start = max([k for k in knots if k <= n], default=0)
        u = (n - start) / (later[0] - start)
        u = 0.5 * (1 - math.cos(math.pi * u)) if kind == "cosine" else u
        return value_at(start) + (value_at(later[0]) - value_at(start)) * u

    said = {"init_value": init, "boundaries_and_scales": scales}
    agrees(from_optax("piecewise_constant_schedule", **said), value_at)
    agrees(from_optax("piecewise_interpolate_schedule", interpolate_type=kind, **said), interpolated)


@settings(max_examples=40, deadline=None)
@given(UNIT, UNIT, st.integers(0, 15), st.integers(16, 40), UNIT, st.floats(0.3, 4.0))
def test_warm_up_and_cosine_whose_decay_steps_count_the_warm_up(init, peak, warmup, total, end, exponent):
    def theirs(n):
        if n < warmup:
            return init + (peak - init) * n / warmup
        wave = 0.5 * (1 + math.cos(math.pi * min(n - warmup, total - warmup) / (total - warmup)))
        return end + (peak - end) * wave**exponent

    said = {
        "init_value": init,
        "peak_value": peak,
        "warmup_steps": warmup,
        "decay_steps": total,
        "end_value": end,
        "exponent": exponent,
    }
    agrees(from_optax("warmup_cosine_decay_schedule", **said), theirs)
    twice = from_optax("sgdr_schedule", cosine_kwargs=[said, said])
    agrees(twice, lambda n: theirs(n) if n < total else theirs(n - total))


@settings(max_examples=40, deadline=None)
@given(UNIT, UNIT, st.integers(1, 15), STEPS, st.floats(0.05, 0.99), BEGIN)
def test_warm_up_and_the_others(init, peak, warmup, steps, rate, begin):
    said = {"init_value": init, "peak_value": peak, "warmup_steps": warmup}

    def rising(n):
        return init + (peak - init) * min(n / warmup, 1)

    agrees(from_optax("warmup_constant_schedule", **said), rising)
    ours = from_optax(
        "warmup_exponential_decay_schedule",
        **said,
        transition_steps=steps,
        decay_rate=rate,
        transition_begin=begin,
    )
    agrees(ours, lambda n: rising(n) * rate ** (max(n - warmup - begin, 0) / steps))


@settings(max_examples=40, deadline=None)
@given(st.integers(20, 50), UNIT, st.sampled_from([0.1, 0.3, 0.55]), st.sampled_from([4.0, 25.0]))
def test_one_cycle(total, peak, pct, div):
    first, second = int(pct * total), int(0.85 * total)

    def theirs(ease, knots, values):
        def at(n):
            for i in range(len(knots) - 1):
                if knots[i] <= n < knots[i + 1]:
                    u = ease((n - knots[i]) / (knots[i + 1] - knots[i]))
                    return values[i] + (values[i + 1] - values[i]) * u
            return values[-1]

        return at

    said = {"transition_steps": total, "peak_value": peak, "pct_start": pct, "div_factor": div}
    low, end = peak / div, peak / div / 1e4
    agrees(
        from_optax("linear_onecycle_schedule", **said),
        theirs(lambda u: u, (0, first, second, total), (low, peak, low, end)),
    )
    agrees(
        from_optax("cosine_onecycle_schedule", **said),
        theirs(lambda u: 0.5 * (1 - math.cos(math.pi * u)), (0, first, total), (low, peak, end)),
    )


def test_joined_schedules_are_ours_or_theirs_in_words():
    first = {"schedule": "linear_schedule", "init_value": 0.0, "end_value": 1.0, "transition_steps": 4}
    ours = from_optax("join_schedules", schedules=[first, Constant(peak_value=1.0)], boundaries=[4])
    assert [ours(t) for t in (0, 2, 4, 9)] == [0.0, 0.5, 1.0, 1.0]


@pytest.mark.parametrize(
    "ours",
    [
        schedules.build("cosine", peak_value=0.1, total_steps=50, warmup_steps=5, end_value=0.01),
        schedules.build("linear", peak_value=0.1, total_steps=50, warmup_steps=5),
        schedules.build("polynomial", peak_value=0.1, total_steps=50, power=2.0, warmup_steps=5),
        schedules.build("wsd", peak_value=0.1, total_steps=50, warmup_steps=5, decay_shape="cosine"),
        schedules.build("wsd", peak_value=0.1, total_steps=50, warmup_steps=5, power=2.0),
        schedules.build("wsd", peak_value=0.1, total_steps=50, decay_steps=0),
        Step(peak_value=0.1, step_size=7, gamma=0.3),
        MultiStep(peak_value=0.1, milestones=(3, 9), gamma=0.3),
        Exponential(peak_value=0.1, gamma=0.9, step_size=4, end_value=0.02),
    ],
)
def test_what_is_said_to_optax_comes_back_the_same(ours):
    said = to_optax_arguments(ours)
    back = from_optax(said.pop("schedule"), **said)
    assert [back(t) for t in NUMBERS] == pytest.approx([ours(t) for t in NUMBERS], rel=1e-12, abs=1e-15)


@pytest.mark.parametrize(
    "ours",
    [
        CosineRestarts(peak_value=0.1, cycle_steps=10),
        Cosine(peak_value=0.1, total_steps=10, k_decay=2.0),
        Exponential(peak_value=0.1, rate=0.1),
        schedules.build("wsd", peak_value=0.1, total_steps=50, decay_shape="one_minus_sqrt"),
        lambda step: 0.1,
    ],
)
def test_what_optax_has_not_is_refused(ours):
    with pytest.raises(ValueError, match="optax has no exact equal"):
        to_optax_arguments(ours)


@pytest.mark.parametrize(
    ("name", "said", "message"),
    [
        ("cosine_decay", {}, "did you mean 'cosine_decay_schedule'"),
        ("linear_schedule", {"init_value": 0.1}, "linear_schedule needs end_value"),
        ("constant_schedule", {"value": 0.1, "rate": 1}, "no argument 'rate'"),
        ("cosine_decay_schedule", {"init_value": 0.1, "decay_steps": 0}, "total_steps must be .* got 0"),
        (
            "linear_schedule",  # optax logs a line and stays at init_value
            {"init_value": 0.1, "end_value": 0.0, "transition_steps": 0},
            "total_steps must be a whole number >= 1, got 0",
        ),
        (
            "exponential_decay",
            {"init_value": 0.1, "transition_steps": 3, "decay_rate": 0.0},
            "gamma must be a number > 0",
        ),
        (
            "exponential_decay",
            {"init_value": 0.1, "transition_steps": 3, "decay_rate": 2.0, "end_value": 1.0},
            "end_value must not be given",
        ),
        (
            "warmup_cosine_decay_schedule",
            {"init_value": 0.0, "peak_value": 0.1, "warmup_steps": 9, "decay_steps": 9},
            "decay_steps must be > warmup_steps",
        ),
        (
            "warmup_constant_schedule",
            {"init_value": 0.0, "peak_value": 0.1, "warmup_steps": 0},
            "warmup_steps must be a whole number >= 1",
        ),
        ("linear_onecycle_schedule", {"transition_steps": 1, "peak_value": 0.1}, "phases end together"),
        ("sgdr_schedule", {"cosine_kwargs": []}, "cosine_kwargs must hold one cycle"),
    ],
)
def test_wrong_arguments(name, said, message):
    with pytest.raises(ValueError, match=message):
        from_optax(name, **said)
