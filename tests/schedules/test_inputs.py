"""Settings and schedulers as people give them: odd numbers, arrays, wrapped and restored schedulers."""

import dataclasses
import math
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.optim import lr_scheduler as peers

import schedules
from schedules import (
    Constant,
    Exponential,
    Horizon,
    Plateau,
    add,
    area,
    build,
    clip,
    cooldown,
    every,
    extend,
    first_step_at_or_below,
    from_torch,
    join,
    jumps,
    kinks,
    lint,
    peak,
    planned_steps,
    product,
    repeat,
    scale,
    shift,
    values,
)
from schedules.interop.intervals import Geometric, PerInterval
from schedules.interop.pieces import TriangleWave
from schedules.pytorch import Plan, Scheduler
from schedules.registry import COMBINATORS
from schedules.schedule import knots
from schedules.tree import nodes

HUGE = 10**400


def sgd(lr=0.1):
    return torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=lr)


# what torch's users hold


@pytest.mark.parametrize("mult", [1, 2])
@pytest.mark.parametrize("moment", [0.0, 3.4, 10.0, 13.4, 29.99, 45.5])
def test_restarts_stepped_by_parts_of_an_epoch_are_read(mult, moment):
    peer = peers.CosineAnnealingWarmRestarts(sgd(), 10, mult, eta_min=0.01)
    peer.step(moment)
    curve = from_torch(peer)["lr"]
    assert curve == build("cosine_restarts", peak_value=0.1, cycle_steps=10, cycle_mult=mult, end_value=0.01)
    assert curve(moment) == pytest.approx(peer.get_last_lr()[0], rel=1e-12)


@pytest.mark.parametrize(
    "made",
    [
        lambda optimizer: peers.StepLR(optimizer, 5),
        lambda optimizer: peers.MultiStepLR(optimizer, [5, 9]),
        lambda optimizer: peers.LinearLR(optimizer),
        lambda optimizer: peers.ExponentialLR(optimizer, 0.9),
        lambda optimizer: peers.PolynomialLR(optimizer, 20),
        lambda optimizer: peers.CosineAnnealingLR(optimizer, 20),
        lambda optimizer: peers.CyclicLR(optimizer, 0.1, 0.2, 5),
        lambda optimizer: peers.OneCycleLR(optimizer, 0.1, total_steps=50),
    ],
)
@pytest.mark.filterwarnings("ignore:Detected call of", "ignore:The epoch parameter")
def test_every_other_scheduler_stepped_by_parts_is_read_too(made):
    peer = made(torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1, momentum=0.9))
    peer.step(13.4)
    assert from_torch(peer)["lr"](13.4) == pytest.approx(peer.get_last_lr()[0], rel=1e-9)


@pytest.mark.filterwarnings("ignore:Detected call of", "ignore:The epoch parameter")
def test_a_function_stepped_by_parts_is_refused_for_the_true_reason():
    peer = peers.LambdaLR(sgd(), lambda n: 0.9**n)
    peer.step(3.4)
    with pytest.raises(ValueError, match=r"stepped by parts of an epoch, to 3\.4"):
        from_torch(peer)
    curve = scale(lambda n: 0.9**n, 0.1)
    assert curve(3.4) == pytest.approx(peer.get_last_lr()[0], rel=1e-12)


def test_a_scheduler_that_accelerate_prepared_is_read():
    accelerate = pytest.importorskip("accelerate")
    accelerator = accelerate.Accelerator(cpu=True)
    optimizer = sgd()
    peer = peers.StepLR(optimizer, 10)
    assert from_torch(accelerator.prepare(peer)) == from_torch(peer)


@pytest.mark.parametrize("strategy", ["cos", "linear"])
def test_a_one_cycle_restored_from_an_old_state_is_read(strategy):
    expected = from_torch(peers.OneCycleLR(sgd(), 0.1, total_steps=100, anneal_strategy=strategy))
    old = peers.OneCycleLR(sgd(), 0.1, total_steps=100, anneal_strategy=strategy)
    old.anneal_func = {"cos": old._annealing_cos, "linear": old._annealing_linear}[strategy]
    del old._anneal_func_type  # states before torch 2.1 hold the function in its place
    assert from_torch(old) == expected


@pytest.mark.filterwarnings("ignore:Detected call of")
def test_a_chain_in_a_sequence_is_told_what_was_meant():
    optimizer = sgd()
    chain = peers.ChainedScheduler([peers.ConstantLR(optimizer), peers.ExponentialLR(optimizer, 0.9)])
    peer = peers.SequentialLR(optimizer, [chain, peers.StepLR(optimizer, 5)], [20])
    with pytest.raises(ValueError, match=r"join\(product\(\.\.\.\), \.\.\., at=\.\.\.\)"):
        from_torch(peer)


def test_a_chained_cosine_with_a_floor_is_refused_for_the_true_reason():
    optimizer = sgd()
    chain = [peers.CosineAnnealingLR(optimizer, 20, eta_min=0.01), peers.StepLR(optimizer, 5)]
    with pytest.raises(ValueError, match=r"eta_min=0.01 pulls what the others left .* with eta_min=0"):
        from_torch(peers.ChainedScheduler(chain))


# numbers


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"warmup_steps": "1e999%"}, r"warmup_steps must be a whole number <= 2\^53, got '1e999%'"),
        ({"end_value": "1e999%"}, "end_value must be a finite number, got '1e999%'"),
        ({"peak_value": HUGE}, "peak_value must be a finite number, got 1.000e400"),
        ({"total_steps": HUGE}, r"total_steps must be a whole number <= 2\^53, got 1.000e400"),
        ({"power": HUGE}, "power must be a number > 0, got 1.000e400"),
    ],
)
def test_a_number_too_large_is_named(settings, message):
    with pytest.raises(ValueError, match=message):
        build("cosine", **({"total_steps": 100, "peak_value": 1.0} | settings))


def test_a_horizon_and_a_plan_name_them_too():
    with pytest.raises(ValueError, match="tokens_per_step must be a whole number <="):
        Horizon(tokens_per_step=HUGE)
    with pytest.raises(ValueError, match="lr must be a schedule or a number >= 0"):
        Plan(lr=HUGE)


@pytest.mark.parametrize(
    "growing",
    [
        Exponential(peak_value=1.0, gamma=1.05),
        build("step", peak_value=1.0, step_size=1, gamma=2.0),
        build("cosine_restarts", peak_value=1.0, cycle_steps=10, cycle_decay=5.0),
        schedules.repeat(Constant(peak_value=1.0), 10, decay=5.0),
    ],
)
@pytest.mark.filterwarnings("ignore:overflow encountered:RuntimeWarning")
def test_what_leaves_the_floats_is_infinite_for_a_step_and_for_many(growing):
    assert growing(20_000) == math.inf
    assert values(growing, 20_001)[-1] == math.inf


@pytest.mark.parametrize("step", [20_000, 20_000.5, np.uint32(20_000)])
def test_an_imported_function_that_leaves_the_floats_has_one_behaviour(step):
    known = PerInterval(function=Geometric(base=1.05))
    assert known(step) == values(known, 20_001)[-1] == math.inf
    curve = from_torch(peers.LambdaLR(sgd(), lambda n: 1.05**n))["lr"]
    with pytest.raises(OverflowError):  # the user's own function says so
        curve(step)
    with pytest.raises(OverflowError):
        values(curve, 20_001)


WHOLE = [np.int64, np.uint8, np.float32, np.float64, np.array, torch.tensor, float]


@pytest.mark.parametrize("kind", WHOLE)
def test_a_whole_number_of_any_kind_is_one(kind):
    horizon = Horizon(total_steps=kind(100), steps_per_epoch=kind(10), tokens_per_step=kind(8))
    assert horizon == Horizon(total_steps=100, steps_per_epoch=10, tokens_per_step=8)
    assert type(horizon.total_steps) is int
    scheduler = Scheduler(sgd(), Plan(lr=Constant(peak_value=1.0)), last_step=kind(3))
    assert type(scheduler.last_step) is int
    scheduler.step(kind(5))
    assert scheduler.last_step == 5
    assert build("multistep", peak_value=1.0, milestones=[kind(3)]).milestones == (3,)
    assert join(1.0, 0.1, at=kind(5)) == join(1.0, 0.1, at=[kind(5)]) == join(1.0, 0.1, at=5)
    line = build("linear", total_steps=kind(100), peak_value=1.0, warmup_steps=kind(10))
    assert line == build("linear", total_steps=100, peak_value=1.0, warmup_steps=10)
    assert extend(line, total_steps=kind(200), at=kind(50)) == extend(line, total_steps=200, at=50)
    assert Plan(lr=line).table(kind(9)).total_steps == 9


@pytest.mark.parametrize("kind", WHOLE)
def test_a_value_of_any_kind_is_a_number(kind):
    expected = product(build("cosine", total_steps=9, peak_value=2, power=3, shift=1), 2)
    curve = product(build("cosine", total_steps=9, peak_value=kind(2), power=kind(3), shift=kind(1)), kind(2))
    assert curve == expected
    assert schedules.dumps(curve) == schedules.dumps(expected)
    assert Plan(lr=kind(2)) == Plan(lr=2.0)


@pytest.mark.parametrize("kind", WHOLE)
def test_the_length_of_a_run_may_be_of_any_kind(kind):
    curve = build("step", peak_value=1.0, step_size=7)
    assert values(curve, kind(50)).tolist() == values(curve, 50).tolist()
    assert values(curve, kind(5), kind(10)).tolist() == []  # an unsigned difference had 4294967291 values
    assert jumps(curve, kind(50)) == jumps(curve, 50)
    assert kinks(curve, kind(50)) == kinks(curve, 50)
    assert lint(build("linear", total_steps=99, peak_value=1.0), kind(50)) == lint(
        build("linear", total_steps=99, peak_value=1.0), 50
    )
    assert peak(curve, kind(50)) == peak(curve, 50)
    assert area(curve, kind(50), kind(20)) == area(curve, 50, 20)
    assert first_step_at_or_below(curve, 0.1, kind(50), kind(3)) == 7


@pytest.mark.parametrize("wrong", [True, np.True_, 5.5, "5", None, np.array([5, 6])])
def test_another_kind_of_length_is_refused(wrong):
    curve = Constant(peak_value=1.0)
    with pytest.raises(ValueError, match="total_steps must be a whole number"):
        values(curve, wrong)
    with pytest.raises(ValueError, match="stop must be a whole number"):
        jumps(curve, wrong)
    with pytest.raises(ValueError, match="last_epoch must be a whole number >= 0"):
        Scheduler(sgd(), Plan(lr=curve)).last_epoch = wrong


def test_true_is_no_length():
    with pytest.raises(ValueError, match="total_steps must be a whole number >= 1"):
        Horizon(total_steps=np.True_)


@pytest.mark.parametrize("array", [np.array, torch.tensor, tuple, list])
def test_lists_may_be_arrays(array):
    expected = build("multistep", peak_value=1.0, milestones=(30, 80))
    assert build("multistep", peak_value=1.0, milestones=array([30, 80])) == expected
    points = build("piecewise", steps=array([0, 10]), values=array([0.0, 1.0]))
    assert points == build("piecewise", steps=(0, 10), values=(0.0, 1.0))
    with pytest.raises(ValueError, match="milestones must be a list"):
        build("multistep", peak_value=1.0, milestones=np.zeros((2, 2)))


def test_a_wrong_step_is_called_by_its_own_name():
    scheduler = Scheduler(sgd(), Plan(lr=Constant(peak_value=1.0)))
    with pytest.raises(ValueError, match=r"epoch must be a whole number >= 0, got 1\.2"):
        scheduler.step(1.2)


# a shift, a warm-up, restarts, a sum


FAR = 10**12
EVERY_STEP = build("step", peak_value=1.0, step_size=1)
LINE = build("linear", total_steps=5, peak_value=1.0)
FAR_AHEAD = {
    "step": build("step", peak_value=1.0, step_size=3, shift=FAR),
    "cyclic": build("cyclic", peak_value=1.0, warmup_steps=3, shift=FAR),
    "every": build("constant", peak_value=1.0, every=3, shift=FAR),
    "every in a scale": shift(scale(every(LINE, 3), 2.0), FAR),
    "restarts": build("cosine_restarts", peak_value=1.0, cycle_steps=3, shift=FAR),
    "restarts that grow": build("cosine_restarts", peak_value=1.0, cycle_steps=3, cycle_mult=1.5, shift=FAR),
    "restarts that shrink": build(
        "cosine_restarts", peak_value=1.0, cycle_steps=9, cycle_mult=0.5, shift=FAR
    ),
    "repeat": shift(repeat(LINE, 5), FAR),
    "repeat that grows": shift(repeat(LINE, 5, mult=2.0), FAR),
    "repeat that shrinks": shift(repeat(LINE, 5, mult=0.5), FAR),
    "repeat with an end": shift(repeat(LINE, 5, times=FAR), FAR),
    "triangles": shift(TriangleWave(init_value=0.1, peak_value=1.0, rise_steps=2.5, fall_steps=3), FAR),
    "join": shift(join(LINE, EVERY_STEP, at=10), FAR),
    "product": shift(product(LINE, EVERY_STEP), FAR),
    "sum": shift(add(LINE, EVERY_STEP), FAR),
    "scale": shift(scale(EVERY_STEP, 2.0), FAR),
    "clip": shift(clip(EVERY_STEP, 0.5, 2.0), FAR),
    "shift": shift(shift(EVERY_STEP, 3), FAR),
    "untuned_warmup": build("step", peak_value=1.0, step_size=1, warmup_beta2=0.99, shift=FAR),
    "cooldown": shift(cooldown(EVERY_STEP, at=FAR + 50, over=100), FAR),
    "extend": shift(extend(product(LINE, EVERY_STEP), total_steps=9, at=2), FAR),
}


def test_every_combinator_is_looked_at_far_ahead():
    kinds = {node.name for curve in FAR_AHEAD.values() for node, _ in nodes(curve)}
    assert set(COMBINATORS) - kinds == {"phases", "ramp", "per_interval"}  # these have few knots, or none


@pytest.mark.parametrize("name", FAR_AHEAD)
def test_a_long_way_ahead_is_not_walked(name):
    curve = FAR_AHEAD[name]
    assert len(knots(curve, 100)) <= 101  # it listed the 10^12 steps before them, which took all memory
    assert planned_steps(curve) is None or planned_steps(curve) >= 0
    jumps(curve, 100)
    kinks(curve, 100)
    lint(curve, 100)


@pytest.mark.parametrize("name", FAR_AHEAD)
@given(st.integers(0, 300), st.integers(0, 300))
def test_knots_after_a_step_are_those_of_all(name, start, more):
    curve = FAR_AHEAD[name].schedule
    stop = start + more
    assert knots(curve, stop, start) == tuple(k for k in knots(curve, stop) if k > start)


@pytest.mark.parametrize(("first", "mult"), [(1000, 0.999), (10**6, 0.9999), (10**6, 0.99), (7, 1.0001)])
def test_cycles_that_change_slowly_are_found_at_once(first, mult):
    curve = build("cosine_restarts", peak_value=1.0, cycle_steps=first, cycle_mult=mult)
    start = 0
    for cycle in range(50):
        assert curve(start) == 1.0
        start += int(first * Fraction(str(mult)) ** cycle)
    assert curve(start) == 1.0
    assert 0.0 <= curve(20_000) <= 1.0


@pytest.mark.parametrize("mult", [0.5, 1.0, 2.0])
def test_many_cycles_have_an_end_without_being_listed(mult):
    curve = build("cosine_restarts", peak_value=1.0, cycle_steps=8, cycle_mult=mult, cycles=10**9)
    same = repeat(build("cosine", total_steps=8, peak_value=1.0), 8, times=10**9, mult=mult)
    assert planned_steps(curve) == planned_steps(same)
    if mult <= 1.0:
        assert planned_steps(curve) == {0.5: 8 + 4 + 2 + 10**9 - 3, 1.0: 8 * 10**9}[mult]
    else:
        assert planned_steps(curve) > 2**53


@given(st.integers(-60, 60) | st.floats(-60, 60), st.integers(1, 9), st.integers(1, 9))
def test_a_shift_moves_every_knot(by, first, second):
    for inner in (
        build("step", peak_value=1.0, step_size=first),
        build("cyclic", peak_value=1.0, warmup_steps=first, decay_steps=second),
        build("wsd", peak_value=1.0, total_steps=20 + first, warmup_steps=first, decay_steps=second),
    ):
        moved = {-math.floor(by - knot) for knot in knots(inner, 300)}
        assert knots(schedules.shift(inner, by), 100) == tuple(sorted(k for k in moved if 0 < k <= 100))


@pytest.mark.parametrize("name", ["constant", "cosine", "linear", "inverse_time", "polynomial", "rex"])
def test_a_warmup_may_be_the_whole_run_and_no_more(name):
    curve = build(name, total_steps=10, peak_value=1.0, warmup_steps=10, init_value=0.0)
    assert values(curve, 11).tolist() == pytest.approx([t / 10 for t in range(11)])
    with pytest.raises(ValueError, match="warmup_steps must be <= total_steps, got 11 > 10"):
        build(name, total_steps=10, peak_value=1.0, warmup_steps=11)


def test_a_drop_at_every_step_names_the_way_to_a_warmup():
    with pytest.raises(ValueError, match=r"at step 1, got 10.* exponential decays from the warm-up's end"):
        build("step", peak_value=1.0, step_size=1, warmup_steps=10)


@pytest.mark.parametrize("length", [1, 2, 7, 1000])
def test_a_logarithmic_warmup_is_deepspeed_s(length):
    curve = build(
        "constant", peak_value=0.1, warmup_steps=length, warmup_shape="logarithmic", init_value=0.001
    )
    for step in range(length + 5):
        gained = math.log(step + 1) / math.log(max(2, length)) if step < length else 1.0  # its WarmupLR
        assert curve(step) == pytest.approx(0.001 + (0.1 - 0.001) * min(1.0, gained), rel=1e-12)
    np.testing.assert_allclose(values(curve, length + 5), [curve(t) for t in range(length + 5)], rtol=1e-12)


@pytest.mark.parametrize("length", [1, 2, 7])
@pytest.mark.parametrize("name", ["wsd", "onecycle", "infinite", "inverse_sqrt", "wsd_s"])
def test_a_logarithmic_warmup_is_one_for_every_schedule_with_its_own(name, length):
    settings = {"peak_value": 0.1, "warmup_steps": length, "init_value": 0.001}
    longs = {} if name == "inverse_sqrt" else {"total_steps": 100}
    curve = build(name, warmup_shape="logarithmic", **settings, **longs)
    ramp = build("constant", warmup_shape="logarithmic", **settings)
    assert values(curve, length + 1).tolist() == values(ramp, length + 1).tolist()
    assert [curve(t) for t in range(length + 1)] == pytest.approx(
        values(ramp, length + 1).tolist(), rel=1e-12
    )
    assert schedules.loads(schedules.dumps(curve)) == curve
    assert length < 3 or length - 1 in {kink.step for kink in kinks(curve, 100)}


def test_what_follows_a_loss_may_warm_up_so_too():
    plateau = Plateau(peak_value=0.1, warmup_steps=7, warmup_shape="logarithmic")
    ramp = build("constant", peak_value=0.1, warmup_steps=7, warmup_shape="logarithmic")
    assert plateau.value(dataclasses.replace(plateau.init(), seen=3)) == ramp(3)


def test_a_decay_is_not_logarithmic():
    with pytest.raises(ValueError, match="decay_shape must be a shape's name, got 'logarithmic'"):
        build("wsd", total_steps=100, peak_value=1.0, decay_shape="logarithmic")


@given(st.integers(1, 40), st.floats(0.2, 0.99), st.none() | st.integers(1, 12))
def test_restarts_that_get_shorter(first, mult, cycles):
    curve = build("cosine_restarts", peak_value=1.0, cycle_steps=first, cycle_mult=mult, cycles=cycles)
    expected, cycle = [], 0
    while len(expected) < 200:
        length = max(1, math.floor(first * mult**cycle + 1e-9))
        over = cycles is not None and cycle >= cycles
        expected += [0.0] if over else [(1 + math.cos(math.pi * t / length)) / 2 for t in range(length)]
        cycle += 1
    np.testing.assert_allclose(values(curve, 200), expected[:200], atol=1e-12)
    assert [curve(t) for t in range(200)] == pytest.approx(expected[:200], abs=1e-12)
    assert curve(10**15) == (1.0 if cycles is None else 0.0)


def test_schedules_are_added():
    line = build("linear", total_steps=40, peak_value=1.0)
    wave = build("cosine", total_steps=60, peak_value=0.5)
    both = add(0.1, line, wave)
    np.testing.assert_allclose(values(both, 70), 0.1 + values(line, 70) + values(wave, 70), rtol=1e-12)
    assert add(add(line, wave), 0.1) == add(line, add(wave, 0.1))
    assert schedules.planned_steps(both) == 60
    assert schedules.loads(schedules.dumps(both)) == both
    longer = schedules.extend(add(product(2.0, line), 0.5), total_steps=90, at=0)
    assert longer(90) == 0.5
    with pytest.raises(ValueError, match="terms must be one schedule or more"):
        add()
