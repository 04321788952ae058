"""The untuned warm-ups of arXiv:1910.04209 and RAdam's factor, against published numbers."""

import math

import numpy as np
import pytest
import torch

import schedules
from schedules import UntunedWarmup

ONE = schedules.Constant(peak_value=1.0)


def factor(beta2, shape, count):
    """The factor of update number ``count``, from 1."""
    return UntunedWarmup(schedule=ONE, beta2=beta2, warmup_shape=shape)(count - 1)


@pytest.mark.parametrize(
    ("beta2", "length"), [(0.9, 20), (0.95, 40), (0.99, 200), (0.999, 2000), (0.9999, 20000)]
)
def test_linear_rises_over_two_over_one_minus_beta2_updates(beta2, length):
    assert factor(beta2, "linear", 1) == 1 / length
    assert factor(beta2, "linear", length - 1) == pytest.approx(1 - 1 / length, rel=1e-14)
    assert factor(beta2, "linear", length) == 1.0


def test_exponential_approaches_one():
    numbers = [factor(0.999, "exponential", n) for n in (1, 100, 1000)]

    assert numbers == pytest.approx([0.0009995, 0.09516258, 0.63212056], abs=5e-9)


def radam(beta2, count):
    first = UntunedWarmup(schedule=ONE, beta2=beta2, warmup_shape="radam")._first
    return factor(beta2, "radam", count - first + 1)


def test_radam_starts_at_its_first_rectified_update():
    numbers = [radam(0.999, n) for n in (5, 6, 10, 100, 1000)]

    assert numbers == pytest.approx([0.0173115, 0.02582111, 0.04899801, 0.21533544, 0.64532565], abs=5e-8)
    assert factor(0.999, "radam", 1) == radam(0.999, 5)
    assert [radam(0.95, n) for n in (5, 10)] == pytest.approx([0.11813975, 0.34842048], abs=5e-9)


def test_radam_is_the_rectification_of_torch():
    weight = torch.nn.Parameter(torch.zeros(1, dtype=torch.float64))
    optimizer = torch.optim.RAdam([weight], lr=1.0, betas=(0.0, 0.999), eps=0.0)
    for count in range(1, 50):
        before = weight.item()
        weight.grad = torch.ones_like(weight)
        optimizer.step()
        if count >= 6:  # torch rectifies where rho > 5
            assert before - weight.item() == pytest.approx(radam(0.999, count), rel=1e-9)


@pytest.mark.parametrize(("shape", "lost"), [("exponential", 999.50), ("radam", 1033.32)])
def test_updates_lost_to_the_warmup(shape, lost):
    s = UntunedWarmup(schedule=ONE, beta2=0.999, warmup_shape=shape)
    start = 5 - 1 if shape == "radam" else 0  # the four updates before r > 4 count as lost

    assert start + np.sum(1.0 - schedules.values(s, 100_000)) == pytest.approx(lost, abs=0.01)


@pytest.mark.parametrize("shape", ["linear", "exponential", "radam"])
def test_build_states_it_as_warmup_beta2(shape):
    body = schedules.Cosine(total_steps=5000, peak_value=0.1)

    built = schedules.build("cosine", total_steps=5000, peak_value=0.1, warmup_beta2=0.99, warmup_shape=shape)

    assert built == UntunedWarmup(schedule=body, beta2=0.99, warmup_shape=shape)
    assert built(4999) == pytest.approx(body(4999), rel=1e-9)
    assert schedules.values(built, 5000) == pytest.approx([built(t) for t in range(5000)], rel=1e-12)
    assert built(-3) == built(0) > 0


def test_build_defaults_to_linear():
    built = schedules.build("constant", peak_value=1.0, warmup_beta2=0.999)

    assert built(999) == 0.5
    assert schedules.schedule.knots(built, 5000) == (1999,)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"warmup_beta2": 1.0}, "warmup_beta2 must be a number >= 0 and < 1, got 1.0"),
        ({"warmup_beta2": -0.1}, "warmup_beta2 must be a number >= 0 and < 1, got -0.1"),
        ({"warmup_beta2": 0.9, "warmup_steps": 5}, "give warmup_steps or warmup_beta2, not both"),
        ({"warmup_beta2": 0.9, "init_value": 0.1}, "init_value has no meaning with warmup_beta2"),
        ({"warmup_beta2": 0.9, "warmup_shape": "lineer"}, "did you mean 'linear'"),
        ({"warmup_beta2": 0.5, "warmup_shape": "radam"}, "beta2 must be > 0.6 with the shape 'radam'"),
    ],
)
def test_wrong_settings_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        schedules.build("constant", peak_value=1.0, **settings)


def test_factor_stays_between_zero_and_one():
    for shape in ("linear", "exponential", "radam"):
        for beta2 in (0.61, 0.9, 0.98, 0.9999):
            s = UntunedWarmup(schedule=ONE, beta2=beta2, warmup_shape=shape)
            values = schedules.values(s, 1000)
            assert values.min() > 0.0
            assert values.max() <= 1.0 + 1e-12
            assert np.all(np.diff(values) >= -1e-12)
            assert math.isclose(s(10**7), 1.0)
