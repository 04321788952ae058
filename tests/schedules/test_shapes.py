"""Every shape against its published formula, forwards as a cooldown and backwards as a warm-up."""

import math

import numpy as np
import pytest

import schedules
from schedules.shapes import POSITIVE_ENDS, SHAPES, between, rising

LEFT = {  # the fraction left at progress x, from 1 to 0
    "linear": lambda x: 1 - x,
    "cosine": lambda x: (1 + math.cos(math.pi * x)) / 2,
    "one_minus_sqrt": lambda x: 1 - x**0.5,
    "square": lambda x: 1 - x**2,
    "mirror_cosine": lambda x: 2 * (1 - x) - (1 + math.cos(math.pi * x)) / 2,
    "constant": lambda x: 1.0 if x < 1 else 0.0,
    "rex": lambda x: (1 - x) / (1 / 2 + (1 - x) / 2),
}
PROGRESS = [0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 1.0]


@pytest.mark.parametrize("name", LEFT)
@pytest.mark.parametrize(("start", "end"), [(1.0, 0.0), (0.3, 0.03), (0.85, 0.95)])
def test_cooldown_follows_the_formula(name, start, end):
    expected = [end + (start - end) * LEFT[name](x) for x in PROGRESS]

    assert [between(start, end, x, name) for x in PROGRESS] == pytest.approx(expected, rel=1e-14, abs=1e-15)
    assert between(start, end, np.array(PROGRESS), name) == pytest.approx(expected, rel=1e-14, abs=1e-15)


def test_every_shape_has_its_formula_here():
    assert set(LEFT) | set(POSITIVE_ENDS) == set(SHAPES)


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize(("start", "end"), [(0.1, 0.007), (0.007, 0.1)])
def test_both_ends_are_exact(name, start, end):
    ends = np.array([0.0, 1.0])

    assert [between(start, end, u, name) for u in (0.0, 1.0)] == [start, end]
    assert [rising(start, end, u, name) for u in (0.0, 1.0)] == [start, end]
    assert between(start, end, ends, name).tolist() == [start, end]
    assert rising(start, end, ends, name).tolist() == [start, end]


@pytest.mark.parametrize("name", sorted(set(SHAPES) - {"constant"}))
def test_a_warmup_is_the_cooldown_seen_backwards(name):
    for u in PROGRESS:
        assert rising(0.01, 1.0, u, name) == pytest.approx(between(1.0, 0.01, 1 - u, name), rel=1e-14)


def test_constant_waits_at_its_first_value_in_both_directions():
    steps = np.arange(5.0)
    warmup = schedules.Ramp(peak_value=1.0, init_value=0.1, warmup_steps=3, warmup_shape="constant")

    assert [warmup(t) for t in steps.tolist()] == [0.1, 0.1, 0.1, 1.0, 1.0]
    assert warmup(steps).tolist() == [0.1, 0.1, 0.1, 1.0, 1.0]
    assert [between(1.0, 0.1, u, "constant") for u in (0.0, 0.5, 1.0)] == [1.0, 1.0, 0.1]


def test_exponential_multiplies_by_the_same_factor_each_step():
    decay = [between(1.0, 0.01, u, "exponential") for u in (0.0, 0.25, 0.5, 0.75, 1.0)]

    assert decay == pytest.approx([10 ** (-2 * u) for u in (0.0, 0.25, 0.5, 0.75, 1.0)], rel=1e-13)


def test_inverse_is_straight_in_the_reciprocal():
    """WSD-S, arXiv:2410.05192: 1 / ((1 - x) / peak + x / end)."""
    values = [between(0.1, 0.01, x, "inverse") for x in (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)]

    assert values == pytest.approx([0.1, 0.0357142857, 0.0217391304, 0.015625, 0.0121951220, 0.01], abs=5e-11)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", POSITIVE_ENDS)
def test_a_decay_of_no_steps_may_stand_at_zero_in_every_shape(name):
    flat = schedules.build("wsd", total_steps=9, peak_value=0.0, decay_steps=0, decay_shape=name)
    assert schedules.values(flat, 20).tolist() == [0.0] * 20


def test_rex_has_its_published_numbers():
    """Chen et al. 2021, arXiv:2107.04197."""
    assert between(1.0, 0.0, 0.5, "rex") == pytest.approx(0.6666667, abs=5e-8)
    assert between(1.0, 0.0, 0.9, "rex") == pytest.approx(0.1818182, abs=5e-8)


def test_power_of_a_straight_line_is_the_power_cooldown():
    cooldown = schedules.WarmupStableDecay(total_steps=100, peak_value=1.0, decay_steps=50, power=1.2)

    for t in range(50, 100):
        assert cooldown(t) == pytest.approx(((100 - t) / 50) ** 1.2, rel=1e-13)


def test_halving_every_5000_steps_is_an_exponential_cooldown():
    """MiniCPM, arXiv:2404.06395: 0.5^((t - S) / 5000) after the stable phase ends at S."""
    decay_steps = 8_000
    s = schedules.WarmupStableDecay(
        total_steps=80_000,
        peak_value=0.01,
        decay_steps=decay_steps,
        end_value=0.01 * 0.5 ** (decay_steps / 5_000),
        decay_shape="exponential",
    )

    for t in (72_000, 73_000, 77_000, 79_999, 80_000):
        assert s(t) == pytest.approx(0.01 * 0.5 ** ((t - 72_000) / 5_000), rel=1e-12)


@pytest.mark.parametrize("shape", POSITIVE_ENDS)
def test_shapes_on_a_log_or_reciprocal_scale_refuse_zero(shape):
    with pytest.raises(ValueError, match="end_value must be > 0 with the shape"):
        schedules.WarmupStableDecay(total_steps=10, peak_value=1.0, end_value=0.0, decay_shape=shape)
    with pytest.raises(ValueError, match="init_value must be > 0 with the shape"):
        schedules.Ramp(peak_value=1.0, init_value=0.0, warmup_steps=2, warmup_shape=shape)
