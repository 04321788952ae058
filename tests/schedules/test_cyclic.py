"""Cyclic rates, cosine restarts and one-cycle policies against published numbers and torch."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.optim.lr_scheduler import CosineAnnealingWarmRestarts, CyclicLR, OneCycleLR

import schedules
from schedules import CosineRestarts, Cyclic, OneCycle


def torch_values(make, steps, **group):
    """The rates (and momenta) that a torch scheduler would have used for its first updates."""
    optimizer = torch.optim.SGD(
        [torch.nn.Parameter(torch.zeros(1))], **({"lr": 1.0, "momentum": 0.9} | group)
    )
    scheduler = make(optimizer)
    rates, momenta = [], []
    for _ in range(steps):
        rates.append(float(optimizer.param_groups[0]["lr"]))
        momenta.append(float(optimizer.param_groups[0]["momentum"]))
        optimizer.step()
        scheduler.step()
    return rates, momenta


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ({}, [0.001, 0.0035, 0.006, 0.0035, 0.006]),
        ({"cycle_decay": 0.5}, [0.001, 0.0035, 0.006, 0.00225, 0.0035]),
    ],
)
def test_triangular_policies_have_their_published_numbers(policy, expected):
    s = Cyclic(peak_value=0.006, init_value=0.001, warmup_steps=100, **policy)

    assert [s(t) for t in (0, 50, 100, 250, 300)] == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("mode", "policy"),
    [("triangular", {}), ("triangular2", {"cycle_decay": 0.5}), ("exp_range", {"gamma": 0.99})],
)
@pytest.mark.parametrize(("up", "down"), [(10, None), (7, 13), (20, 1)])
def test_policies_are_those_of_torch(mode, policy, up, down):
    rates, momenta = torch_values(
        lambda o: CyclicLR(o, 0.1, 1.0, up, down, mode=mode, gamma=policy.get("gamma", 1.0)), 90
    )
    lr = Cyclic(peak_value=1.0, init_value=0.1, warmup_steps=up, decay_steps=down, **policy)
    momentum = Cyclic(peak_value=0.8, init_value=0.9, warmup_steps=up, decay_steps=down, **policy)

    assert schedules.values(lr, 90) == pytest.approx(rates, rel=1e-9)
    assert schedules.values(momentum, 90) == pytest.approx(momenta, rel=1e-9)


def test_a_fall_without_length_is_a_saw():
    s = Cyclic(peak_value=1.0, init_value=0.0, warmup_steps=4, decay_steps=0)

    assert [s(t) for t in (0, 1, 3, 4, 5)] == [0.0, 0.25, 0.75, 0.0, 0.25]


def test_restarts_have_their_published_numbers():
    s = CosineRestarts(peak_value=1.0, cycle_steps=10, cycle_mult=2)

    assert [s(t) for t in (0, 5, 9, 10, 20, 29, 30)] == pytest.approx(
        [1, 0.5, 0.024472, 1, 0.5, 0.006156, 1], abs=5e-7
    )


@pytest.mark.parametrize(("first", "mult"), [(10, 1), (10, 2), (3, 3), (1, 2), (1, 3)])
def test_restarts_are_those_of_torch_stepping(first, mult):
    rates, _ = torch_values(lambda o: CosineAnnealingWarmRestarts(o, first, mult, eta_min=0.01), 200)
    ours = CosineRestarts(peak_value=1.0, cycle_steps=first, cycle_mult=mult, end_value=0.01)

    assert schedules.values(ours, 200) == pytest.approx(rates, rel=1e-9)


def test_a_logarithm_does_not_misplace_the_restart():
    """A closed form by logarithms takes the cycle before, and answers 0 instead of the peak."""
    assert math.floor(math.log(243, 3)) == 4
    s = CosineRestarts(peak_value=1.0, cycle_steps=1, cycle_mult=3)

    assert s(121) == 1.0
    assert s(np.array([121.0])).tolist() == [1.0]


@given(st.integers(1, 40), st.sampled_from([2, 3, 4, 5, 6, 7, 10]), st.integers(0, 6))
def test_every_restart_is_on_its_step(first, mult, cycle):
    start = first * (mult**cycle - 1) // (mult - 1)
    s = CosineRestarts(peak_value=1.0, cycle_steps=first, cycle_mult=mult)

    assert s(start) == 1.0
    assert start == 0 or s(start - 1) < 1.0 or first * mult ** (cycle - 1) == 1


def test_lengths_that_are_not_whole_are_floored_cycle_by_cycle():
    s = CosineRestarts(peak_value=1.0, cycle_steps=10, cycle_mult=1.5)

    assert list(s.knots(80))[:5] == [0, 10, 25, 47, 80]  # 10, 15, 22.5 and 33.75 steps long


def test_the_peaks_decay_and_the_cycles_end():
    s = CosineRestarts(peak_value=1.0, cycle_steps=10, cycle_mult=2, cycle_decay=0.5, cycles=3, end_value=0.1)

    assert [s(t) for t in (0, 10, 30)] == [1.0, 0.5, 0.25]
    assert [s(t) for t in (69, 70, 71, 1000)] == [pytest.approx(s(69)), 0.1, 0.1, 0.1]
    assert s(69) > 0.1


def test_k_decay_has_its_published_numbers():
    """Zhang & Li 2020, arXiv:2004.05909."""
    s = CosineRestarts(peak_value=1.0, cycle_steps=10, k_decay=1.5)
    once = schedules.Cosine(total_steps=10, peak_value=1.0, k_decay=1.5)
    expected = [0.98039034, 0.85022552, 0.55524497, 0.18671499]

    assert [s(t) for t in (2, 4, 6, 8)] == pytest.approx(expected, abs=2e-8)
    assert [once(t) for t in (2, 4, 6, 8)] == pytest.approx(expected, abs=2e-8)


def test_short_cycles_cost_nothing_far_out():
    """A million restarts must not be listed one by one."""
    s = CosineRestarts(peak_value=1.0, cycle_steps=1)

    assert s(10**15) == 1.0
    assert s.__dict__.get("_starts", []) == [] or len(s.__dict__["_starts"]) < 10


def test_equal_cycles_may_end():
    s = CosineRestarts(peak_value=1.0, cycle_steps=10, cycles=2, cycle_decay=0.5, end_value=0.1)
    clock = np.array([-5.0, 0.0, 9.0, 10.0, 15.0, 19.0, 20.0, 1e6])

    assert s(clock) == pytest.approx([s(t) for t in clock.tolist()], rel=1e-12)
    assert [s(t) for t in (0, 10, 15, 20, 21)] == pytest.approx([1.0, 0.5, 0.3, 0.1, 0.1])


@pytest.mark.parametrize("wrong", [0.0, -1.0])
def test_cycles_have_a_length(wrong):
    with pytest.raises(ValueError, match="cycle_mult must be a number > 0"):
        CosineRestarts(peak_value=1.0, cycle_steps=10, cycle_mult=wrong)


def test_one_cycle_has_its_published_numbers():
    """Smith 2018, arXiv:1803.09820: 45 %, 45 %, 10 %, a tenth of the peak at both ends."""
    s = OneCycle(total_steps=100, peak_value=1.0, init_value=0.1, end_value=0.001)

    assert [s(t) for t in (0, 22.5, 45, 67.5, 90, 95, 100)] == pytest.approx(
        [0.1, 0.55, 1, 0.55, 0.1, 0.0505, 0.001], rel=1e-12
    )


def test_one_cycle_reaches_the_numbers_of_fastai():
    """``fit_one_cycle(lr_max)``: cosine from lr_max / 25 in a quarter, cosine to lr_max / 1e5."""

    def fastai(position):
        def cosine(start, end, part):
            return start + (1 + math.cos(math.pi * (1 - part))) * (end - start) / 2

        if position < 0.25:
            return cosine(1 / 25, 1.0, position / 0.25)
        return cosine(1.0, 1 / 1e5, (position - 0.25) / 0.75)

    ours = OneCycle(
        total_steps=400,
        peak_value=1.0,
        init_value=1 / 25,
        warmup_steps="25%",
        decay_steps=0,
        end_value=1 / 1e5,
        warmup_shape="cosine",
        decay_shape="cosine",
    )

    assert [ours(t) for t in range(401)] == pytest.approx([fastai(t / 400) for t in range(401)], rel=1e-9)


@pytest.mark.parametrize("shape", ["cosine", "linear"])
@pytest.mark.parametrize(("total", "part"), [(10, 0.3), (100, 0.3), (50, 0.4)])
def test_one_cycle_in_two_phases_is_that_of_torch(shape, total, part):
    rates, momenta = torch_values(
        lambda o: OneCycleLR(
            o, 1.0, total, pct_start=part, anneal_strategy=shape[:3].replace("lin", "linear")
        ),
        total,
    )
    turn = round(part * total) - 1  # torch counts its phases from 1
    common = {
        "total_steps": total - 1,
        "warmup_steps": turn,
        "decay_steps": 0,
        "warmup_shape": shape,
        "decay_shape": shape,
    }
    lr = OneCycle(peak_value=1.0, init_value=1 / 25, end_value=1 / 25 / 1e4, **common)
    momentum = OneCycle(peak_value=0.85, init_value=0.95, **common)

    assert schedules.values(lr, total) == pytest.approx(rates, rel=1e-9)
    assert schedules.values(momentum, total) == pytest.approx(momenta, rel=1e-9)


@pytest.mark.parametrize(("total", "part"), [(10, 0.3), (100, 0.45)])
def test_one_cycle_in_three_phases_is_that_of_torch(total, part):
    rates, momenta = torch_values(
        lambda o: OneCycleLR(o, 1.0, total, pct_start=part, anneal_strategy="linear", three_phase=True), total
    )
    turn = round(part * total) - 1
    common = {"total_steps": total - 1, "warmup_steps": turn, "decay_steps": total - 1 - 2 * turn}
    lr = OneCycle(peak_value=1.0, init_value=1 / 25, end_value=1 / 25 / 1e4, **common)
    momentum = OneCycle(peak_value=0.85, init_value=0.95, **common)

    assert schedules.values(lr, total) == pytest.approx(rates, rel=1e-9)
    assert schedules.values(momentum, total) == pytest.approx(momenta, rel=1e-9)
    assert lr(total + 100) == lr(total - 1) > 0.0  # torch goes negative after its end


def test_one_cycle_of_a_single_step_up_divides_nothing_by_zero():
    s = OneCycle(total_steps=10, peak_value=1.0, warmup_steps="10%", decay_steps=0)

    assert [s(0), s(1), s(10)] == [0.1, 1.0, pytest.approx(0.01)]


def test_cycles_do_not_undershoot_a_hair_before_they_start():
    s = Cyclic(peak_value=1.0, init_value=0.0, warmup_steps=3, decay_steps=4)

    for start in (7.0 * n for n in range(1, 2000)):
        assert s(np.nextafter(start, 0.0).item()) >= 0.0
