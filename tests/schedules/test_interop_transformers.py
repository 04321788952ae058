"""The schedules of transformers' get_scheduler, restated from their documented formulas."""

import math
from fractions import Fraction

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import schedules
from schedules import (
    Cosine,
    CosineRestarts,
    InverseSqrt,
    Linear,
    Polynomial,
    from_transformers,
    to_transformers,
)

RATES = st.floats(1e-5, 10.0)
WARMUPS = st.integers(0, 15)
TOTALS = st.integers(16, 80)


def half_cosine(x):
    return 0.5 * (1.0 + math.cos(math.pi * x))


def rest(step, warmup, total):
    """The part of the decay that is done."""
    return (step - warmup) / max(1, total - warmup)


def agrees(ours, factor, rate, total, warmup):
    def theirs(step):
        return rate * (step / warmup if step < warmup else factor(step))

    expected = [theirs(step) for step in range(total)]
    assert [ours(step) for step in range(total)] == pytest.approx(expected, rel=1e-9, abs=1e-9 * rate)
    assert schedules.values(ours, total) == pytest.approx(expected, rel=1e-9, abs=1e-9 * rate)


@settings(max_examples=40, deadline=None)
@given(RATES, WARMUPS, TOTALS)
def test_linear(rate, warmup, total):
    ours = from_transformers("linear", learning_rate=rate, num_warmup_steps=warmup, num_training_steps=total)
    agrees(ours, lambda t: 1 - rest(t, warmup, total), rate, total + 3 if total == warmup else total, warmup)
    assert ours(total + 5) == 0.0


@settings(max_examples=40, deadline=None)
@given(RATES, WARMUPS, TOTALS, st.sampled_from([0.25, 0.5, 1.0, 1.5, 2.3]), st.floats(0.0, 1.0))
def test_cosine_waves(rate, warmup, total, cycles, floor):
    said = {
        "learning_rate": rate,
        "num_warmup_steps": warmup,
        "num_training_steps": total,
        "num_cycles": cycles,
    }

    def wave(t):
        return half_cosine(2 * cycles * rest(t, warmup, total))

    agrees(from_transformers("cosine", **said), wave, rate, total, warmup)
    floored = from_transformers("cosine_with_min_lr", **said, min_lr_rate=floor)
    agrees(floored, lambda t: floor + (1 - floor) * wave(t), rate, total, warmup)
    assert from_transformers("cosine_with_min_lr", **said, min_lr=rate * floor) == floored


@settings(max_examples=60, deadline=None)
@given(RATES, WARMUPS, TOTALS, st.one_of(st.integers(1, 5), st.sampled_from([1.5, 2.25])))
def test_hard_restarts(rate, warmup, total, cycles):
    ours = from_transformers(
        "cosine_with_restarts",
        learning_rate=rate,
        num_warmup_steps=warmup,
        num_training_steps=total,
        num_cycles=cycles,
    )

    def factor(t):  # exact fractions: their float remainder puts some restarts a step late
        place = Fraction(cycles) * (t - warmup) / (total - warmup)
        return half_cosine(float(place % 1)) if t < total else 0.0

    agrees(ours, factor, rate, total + 3, warmup)


@settings(max_examples=40, deadline=None)
@given(RATES, WARMUPS, TOTALS, st.floats(0.0, 0.99), st.floats(0.3, 4.0))
def test_polynomial(rate, warmup, total, end, power):
    ours = from_transformers(
        "polynomial",
        learning_rate=rate,
        num_warmup_steps=warmup,
        num_training_steps=total,
        lr_end=rate * end,
        power=power,
    )
    agrees(ours, lambda t: end + (1 - end) * (1 - rest(t, warmup, total)) ** power, rate, total, warmup)


@settings(max_examples=40, deadline=None)
@given(RATES, WARMUPS, TOTALS, st.one_of(st.none(), st.integers(1, 500)))
def test_inverse_sqrt_and_constant(rate, warmup, total, timescale):
    said = {"learning_rate": rate, "num_warmup_steps": warmup}
    scale = timescale or warmup or 10_000
    ours = from_transformers("inverse_sqrt", **said, timescale=timescale)
    agrees(ours, lambda t: 1 / math.sqrt((t + scale - warmup) / scale), rate, total, warmup)
    agrees(from_transformers("constant_with_warmup", **said), lambda t: 1.0, rate, total, warmup)
    agrees(from_transformers("constant", learning_rate=rate), lambda t: 1.0, rate, total, 0)


@settings(max_examples=40, deadline=None)
@given(RATES, WARMUPS, TOTALS, st.floats(0.0, 1.0), st.one_of(st.none(), st.floats(0.0, 1.0)))
def test_the_cosine_that_is_one_step_ahead(rate, warmup, total, floor, start):
    ours = from_transformers(
        "cosine_warmup_with_min_lr",
        learning_rate=rate,
        num_warmup_steps=warmup,
        num_training_steps=total,
        min_lr_rate=floor,
        warmup_lr_rate=start,
    )

    def theirs(t):
        if t < warmup and start is None:
            return (t + 1) / warmup
        if t < warmup:
            return start + (1 - start) * t / max(1, warmup - 1)
        return floor + (1 - floor) * half_cosine((t + 1 - warmup) / (total - warmup))

    expected = [rate * theirs(t) for t in range(total)]
    assert [ours(t) for t in range(total)] == pytest.approx(expected, rel=1e-9, abs=1e-9 * rate)
    assert ours(total - 1) == pytest.approx(rate * floor, abs=1e-12)


@settings(max_examples=60, deadline=None)
@given(
    RATES,
    st.integers(0, 10),
    st.integers(0, 10),
    st.integers(0, 10),
    st.sampled_from(["linear", "cosine", "1-sqrt"]),
    st.sampled_from(["linear", "cosine", "1-sqrt"]),
    st.floats(0.0, 1.0),
    st.sampled_from([0.5, 0.5, 1.0, 0.75]),
)
def test_warmup_stable_decay(rate, warmup, stable, decay, up, down, floor, cycles):
    assume(warmup + stable + decay > 0)
    fraction = {
        "linear": lambda x: 1 - x,
        "cosine": lambda x: half_cosine(x),
        "1-sqrt": lambda x: 1 - math.sqrt(x),
    }
    ours = from_transformers(
        "warmup_stable_decay",
        learning_rate=rate,
        num_warmup_steps=warmup,
        num_decay_steps=decay,
        num_stable_steps=stable,
        warmup_type=up,
        decay_type=down,
        min_lr_ratio=floor,
        num_cycles=cycles,
    )

    def theirs(t):
        if t < warmup:
            return floor + (1 - floor) * fraction[up](1 - t / warmup)
        if t < warmup + stable:
            return 1.0
        if t < warmup + stable + decay:
            x = (t - warmup - stable) / decay
            return floor + (1 - floor) * fraction[down](2 * cycles * x if down == "cosine" else x)
        return floor

    total = warmup + stable + decay + 5
    expected = [rate * theirs(t) for t in range(total)]
    assert [ours(t) for t in range(total)] == pytest.approx(expected, rel=1e-9, abs=1e-9 * rate)


@pytest.mark.parametrize(
    "ours",
    [
        schedules.build("constant", peak_value=0.1),
        schedules.build("constant", peak_value=0.1, total_steps=50, warmup_steps=5, init_value=0.0),
        schedules.build("linear", peak_value=0.1, total_steps=50, warmup_steps=5, init_value=0.0),
        schedules.build("linear", peak_value=0.1, total_steps=50, end_value=0.01),
        schedules.build("polynomial", peak_value=0.1, total_steps=50, power=2.0, end_value=0.01),
        schedules.build("cosine", peak_value=0.1, total_steps=50, warmup_steps=5, init_value=0.0),
        schedules.build("cosine", peak_value=0.1, total_steps=50, end_value=0.01),
        schedules.build("wsd", peak_value=0.1, total_steps=50, warmup_steps=5, init_value=0.0),
        schedules.build("wsd", peak_value=0.1, total_steps=50, decay_shape="one_minus_sqrt", end_value=0.05),
        CosineRestarts(peak_value=0.1, cycle_steps=10, cycles=4),
        InverseSqrt(peak_value=0.1, timescale=10_000),
        InverseSqrt(peak_value=0.1, warmup_steps=7, init_value=0.0),
    ],
)
def test_what_is_said_to_transformers_comes_back_the_same(ours):
    said = to_transformers(ours)
    back = from_transformers(
        said["lr_scheduler_type"],
        learning_rate=said["learning_rate"],
        num_warmup_steps=said["warmup_steps"],
        num_training_steps=said.get("max_steps"),
        **said["lr_scheduler_kwargs"],
    )
    assert [back(t) for t in range(60)] == pytest.approx([ours(t) for t in range(60)], rel=1e-12, abs=1e-15)


@pytest.mark.parametrize(
    ("ours", "message"),
    [
        (
            schedules.build("linear", peak_value=0.3, total_steps=50, warmup_steps=2),
            r"starts this warm-up at 0, got 0\.1; state init_value=0",
        ),
        (
            schedules.build(
                "linear", peak_value=0.1, total_steps=9, warmup_steps=2, warmup_shape="cosine", init_value=0
            ),
            "warms up in a straight line only",
        ),
        (Cosine(peak_value=0.1, total_steps=10, k_decay=2.0), "no exact equal of Cosine"),
        (Polynomial(peak_value=0.1, end_value=0.2, total_steps=10), "no exact equal of Polynomial"),
        (schedules.build("step", peak_value=0.1, step_size=3), "no exact equal of Step"),
        (schedules.build("wsd", peak_value=0.1, total_steps=50, decay_steps=0), "got decay_steps=0"),
        (schedules.build("wsd", peak_value=0.1, total_steps=50, warmup_steps=9), "state init_value=0"),
        (schedules.build("wsd", peak_value=0.1, total_steps=50, power=2.0), "no exact equal"),
        (InverseSqrt(peak_value=0.1, timescale=50), "no exact equal"),
        (InverseSqrt(peak_value=0.1, timescale=10_000, end_value=0.01), "no exact equal"),
        (InverseSqrt(peak_value=0.1, warmup_steps=7), "state init_value=0"),
    ],
)
def test_what_transformers_has_not_is_refused(ours, message):
    with pytest.raises(ValueError, match=message):
        to_transformers(ours)


@pytest.mark.parametrize(
    ("name", "said", "message"),
    [
        ("cosin", {}, "did you mean 'cosine'"),
        ("reduce_lr_on_plateau", {}, "follows the loss"),
        ("linear", {"num_warmup_steps": 3}, "linear needs num_training_steps"),
        ("linear", {"num_warmup_steps": 3, "num_training_steps": 9, "min_lr": 0.1}, "no argument 'min_lr'"),
        ("cosine_with_min_lr", {"num_warmup_steps": 3, "num_training_steps": 9}, "exactly one of min_lr"),
        (
            "polynomial",
            {"num_warmup_steps": 3, "num_training_steps": 9, "lr_end": 1.0},
            "lr_end must be < learning_rate",
        ),
        (
            "warmup_stable_decay",
            {"num_warmup_steps": 3, "num_training_steps": 9, "num_decay_steps": 7},
            "num_stable_steps must be a whole number >= 0, got -1",
        ),
        ("warmup_stable_decay", {"num_warmup_steps": 3, "num_decay_steps": 7}, "needs num_training_steps or"),
    ],
)
def test_wrong_arguments(name, said, message):
    with pytest.raises(ValueError, match=message):
        from_transformers(name, learning_rate=0.1, **said)


def test_a_run_that_ends_in_its_warm_up():
    ours = from_transformers("linear", learning_rate=1.0, num_warmup_steps=10, num_training_steps=8)
    assert [ours(t) for t in (0, 7)] == [0.0, 0.7]
    assert isinstance(ours.parts[1], Linear)
