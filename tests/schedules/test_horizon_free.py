"""Schedules without a planned end: inverse square root, power of the tokens."""

import math

import numpy as np
import pytest

import schedules
from schedules import InverseSqrt, Power
from schedules.schedule import knots


def transformers_inverse_sqrt(step, warmup, timescale):
    """``transformers.get_inverse_sqrt_schedule`` as written in its documentation."""
    if step < warmup:
        return step / max(1, warmup)
    return 1.0 / math.sqrt((step + timescale - warmup) / timescale)


@pytest.mark.parametrize(("warmup", "timescale"), [(0, 10_000), (100, 100), (100, 400), (7, 3)])
def test_inverse_sqrt_reaches_the_numbers_of_transformers(warmup, timescale):
    ours = InverseSqrt(peak_value=0.01, warmup_steps=warmup, timescale=timescale, init_value=0.0)

    for step in (0, 1, 50, 99, 100, 101, 400, 5_000):
        assert ours(step) == pytest.approx(
            0.01 * transformers_inverse_sqrt(step, warmup, timescale), rel=1e-12
        )


def test_noam_is_a_parameterisation():
    """Vaswani et al. 2017: d^-0.5 min(t^-0.5, t w^-1.5) with d = 512, w = 4000."""
    width, warmup = 512, 4000
    noam = InverseSqrt(peak_value=(width * warmup) ** -0.5, warmup_steps=warmup, init_value=0.0)

    assert noam(4_000) == pytest.approx(6.987712e-4, abs=5e-11)
    assert noam(16_000) == pytest.approx(3.493856e-4, abs=5e-11)
    for t in (1, 10, 3_999, 4_000, 4_001, 100_000):
        assert noam(t) == pytest.approx(width**-0.5 * min(t**-0.5, t * warmup**-1.5), rel=1e-12)


def test_inverse_sqrt_floor_is_reached_at_its_knot():
    s = InverseSqrt(peak_value=1.0, timescale=10, end_value=0.25)

    assert s.knots(1000) == (0, 150)
    assert s(149) > 0.25
    assert s(150) == s(10_000) == 0.25


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, "timescale must be given where warmup_steps is 0"),
        ({"timescale": 0}, "timescale must be a whole number >= 1, got 0"),
        ({"timescale": 5, "end_value": 2.0}, "end_value must be <= peak_value, got 2.0 > 1.0"),
    ],
)
def test_inverse_sqrt_refuses(fields, message):
    with pytest.raises(ValueError, match=message):
        InverseSqrt(peak_value=1.0, **fields)


def test_power_law_has_its_published_numbers():
    """Shen et al. 2024, arXiv:2408.13359: batch of 128 sequences, at 1e9, 1e10 and 1e11 tokens."""
    s = Power(peak_value=0.02, batch_size=128, tokens_per_step=10**6)

    numbers = [s(tokens / 10**6) for tokens in (1e9, 1e10, 1e11)]

    assert numbers == pytest.approx([0.0151344904, 0.0046770046, 0.0014453326], abs=5e-11)
    assert s(0) == s(100) == 0.02


def test_power_law_does_not_depend_on_how_tokens_are_cut_into_steps():
    small = Power(peak_value=0.02, batch_size=128, tokens_per_step=1000)
    large = Power(peak_value=0.02, batch_size=128, tokens_per_step=4000)

    assert [large(t) for t in (0, 10**5, 10**6)] == pytest.approx([small(4 * t) for t in (0, 10**5, 10**6)])


def test_power_law_by_steps():
    s = Power(peak_value=0.1, timescale=2000)

    for t in (2000, 2001, 10_000, 10**6):
        assert s(t) == pytest.approx(0.1 * (t / 2000) ** -0.51, rel=1e-12)
    assert [s(t) for t in (-5, 0, 1, 1999)] == [0.1] * 4


def test_a_warmup_leads_up_to_the_curve_and_moves_none_of_it():
    bare = Power(peak_value=0.02, batch_size=128, tokens_per_step=10**6)
    warm = schedules.build(
        "power", peak_value=0.02, batch_size=128, tokens_per_step=10**6, warmup_steps=5000, init_value=0.0
    )

    assert warm(0) == 0.0
    assert warm(2500) == pytest.approx(bare(5000) / 2)
    assert [warm(t) for t in (5000, 5001, 10**5)] == [bare(t) for t in (5000, 5001, 10**5)]


def test_power_floor_is_reached_at_its_knot():
    s = Power(peak_value=1.0, timescale=10, exponent=-0.5, end_value=0.25)

    assert s.knots(1000) == (10, 160)
    assert s(159) > 0.25
    assert s(160) == s(10_000) == 0.25


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"batch_size": 8},
        {"tokens_per_step": 8},
        {"timescale": 5, "batch_size": 8},
        {"timescale": 5, "batch_size": 8, "tokens_per_step": 8},
    ],
)
def test_power_wants_one_form(fields):
    with pytest.raises(ValueError, match="either timescale, or batch_size and tokens_per_step must be given"):
        Power(peak_value=1.0, **fields)


def test_power_falls():
    with pytest.raises(ValueError, match=r"exponent must be a number < 0, got 0\.0"):
        Power(peak_value=1.0, timescale=5, exponent=0.0)
    assert np.all(np.diff(schedules.values(Power(peak_value=1.0, timescale=5), 100)) <= 0.0)


def power_or_none(**fields):
    """None where a law never takes the peak, or the floor is above it; both are refused in words."""
    try:
        return Power(**fields)
    except ValueError:
        return None


@pytest.mark.parametrize("peak", [5e-324, 1e-4, 4.6000001, 1e300])
@pytest.mark.parametrize("end", [0.0, 5e-324, 1e-4])
@pytest.mark.parametrize("law", [{"timescale": 400}, {"batch_size": 3, "tokens_per_step": 1000}])
def test_a_power_law_of_any_steepness_has_values_and_knots(peak, end, law):
    exponents = (-1e-300, -1e-9, -9e-4, -0.5, -8.0, -300.0)
    made = [power_or_none(peak_value=peak, exponent=b, end_value=end, **law) for b in exponents]

    assert any(made) == (end <= peak)
    for s in filter(None, made):
        assert np.isfinite(schedules.values(s, 500)).all()
        assert end <= s(10**9) <= s(0) == peak
        assert all(0 < k <= 500 for k in knots(s, 500))
