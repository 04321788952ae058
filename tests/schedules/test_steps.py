"""What may be a step: every kind of number, and arrays of every kind, for every schedule and combinator."""

import dataclasses
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import schedules
from schedules.interop.intervals import Geometric
from schedules.pytorch import Plan
from schedules.registry import COMBINATORS, SCHEDULES
from schedules.schedule import evaluate

NAMES = schedules.names()
WHOLE = [np.int8, np.uint8, np.int16, np.uint16, np.int32, np.uint32, np.int64, np.uint64]
TENSORS = [torch.int8, torch.uint8, torch.int16, torch.int32, torch.int64, torch.uint16, torch.uint32]

WSD = schedules.build("wsd", total_steps=100, peak_value=1.0, warmup_steps=10)
ONE = schedules.build("cosine", total_steps=60, peak_value=0.5, warmup_steps=20)


def made(name, **fields):
    return COMBINATORS[name](**fields)


COMBINED = {
    "clip": made("clip", schedule=WSD, high=0.4),
    "cooldown": made("cooldown", schedule=WSD, at=50, decay_steps=20),
    "every": made("every", schedule=WSD, steps=7),
    "extend": made("extend", schedule=WSD, total_steps=300, at=50),
    "join": made("join", parts=(ONE, WSD), boundaries=(40,)),
    "per_interval": made("per_interval", function=Geometric(base=0.9), every=7),
    "phases": made("phases", at=(0, 12.5, 80), values=(0.1, 1.0, 0.0), shapes=("linear", "cosine")),
    "product": made("product", factors=(WSD, ONE)),
    "ramp": made("ramp", peak_value=1.0, warmup_steps=40, init_value=0.1),
    "repeat": made("repeat", schedule=ONE, cycle_steps=30),
    "scale": made("scale", schedule=WSD, by=2.0),
    "shift": made("shift", schedule=WSD, by=30),
    "sum": made("sum", terms=(WSD, ONE)),
    "triangle_wave": made("triangle_wave", init_value=0.1, peak_value=1.0, rise_steps=7.5, fall_steps=20),
    "untuned_warmup": made("untuned_warmup", schedule=WSD, beta2=0.99),
}


def test_every_combinator_is_tried_here():
    assert set(COMBINED) == set(COMBINATORS)


def assert_any_kind_of_step_is_the_number(schedule, step):
    expected = schedule(step)
    kinds = [kind(step) for kind in WHOLE] + [torch.tensor(step, dtype=kind) for kind in TENSORS]
    kinds += [np.array(step, np.uint32), np.float32(step), torch.tensor(float(step)), Fraction(step)]
    for given_step in kinds:
        value = schedule(given_step)
        assert type(value) is float
        assert value == expected, repr(given_step)
    steps = [0, 3, step, 101]
    one_by_one = [schedule(t) for t in steps]
    for kind in (*WHOLE, np.float32):
        np.testing.assert_allclose(
            evaluate(schedule, np.array(steps, kind)), one_by_one, rtol=1e-12, atol=1e-14
        )


@pytest.mark.parametrize("name", NAMES)
@given(st.data(), st.integers(0, 120))
def test_a_schedule_takes_every_kind_of_number(any_schedule, name, data, step):
    assert_any_kind_of_step_is_the_number(data.draw(any_schedule(name)), step)


@pytest.mark.parametrize("name", COMBINED)
@given(st.integers(0, 120))
def test_a_combined_one_does_too(name, step):
    assert_any_kind_of_step_is_the_number(COMBINED[name], step)


def test_an_unsigned_step_does_not_wrap():
    long = schedules.build("wsd", total_steps=1000, peak_value=1.0, warmup_steps=10)
    assert long(np.uint32(500)) == 1.0


@pytest.mark.parametrize("wrong", [True, np.True_, "5", None, 1j, [1, 2], np.array(["a"]), torch.arange(3)])
@pytest.mark.parametrize("schedule", [WSD, COMBINED["product"]])
def test_another_kind_is_refused(schedule, wrong):
    with pytest.raises(TypeError, match="step must be a number or an array of numbers"):
        schedule(wrong)


def test_a_plan_writes_the_same_for_every_kind():
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0, momentum=0.9)
    write = Plan(lr=WSD).bind(optimizer)
    for step in (np.uint32(5), np.uint8(50), torch.tensor(95), np.float32(5)):
        assert write(step) == {"lr": WSD(int(step))}
        assert optimizer.param_groups[0]["lr"] == WSD(int(step))
    with pytest.raises(TypeError, match="step must be a number"):
        write("5")


@dataclasses.dataclass(frozen=True, kw_only=True)
class OneAtATime:
    peak_value: float

    def __call__(self, step):
        return self.peak_value * min(1.0, (step + 1) / 100) * 0.999**step


@dataclasses.dataclass(frozen=True, kw_only=True)
class NoStep:
    peak_value: float

    def __call__(self, step):
        return self.peak_value


def test_a_formula_that_looks_at_no_step_answers_arrays():
    cls = schedules.register("no_step")(NoStep)
    try:
        assert cls(peak_value=0.5)(np.arange(3)).tolist() == [0.5, 0.5, 0.5]
    finally:
        SCHEDULES._entries.pop("no_step")


def test_a_formula_for_one_step_answers_arrays():
    name = "one_at_a_time"
    cls = schedules.register(name)(OneAtATime)
    try:
        curve = schedules.build(name, total_steps=300, peak_value=0.5)  # annotations without a rule will do
        assert curve == cls(peak_value=0.5)
        assert schedules.values(curve, 300).tolist() == [curve(t) for t in range(300)]
    finally:
        SCHEDULES._entries.pop(name)
