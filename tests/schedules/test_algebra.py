import pickle
from fractions import Fraction
from itertools import pairwise

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from torch.optim import SGD
from torch.optim.lr_scheduler import CosineAnnealingWarmRestarts

import schedules
from schedules import (
    Clip,
    Constant,
    Cosine,
    CosineRestarts,
    Every,
    Join,
    Linear,
    MultiStep,
    Product,
    Ramp,
    Repeat,
    Scale,
    Shift,
    Step,
    WarmupStableDecay,
    clip,
    every,
    join,
    product,
    repeat,
    scale,
    shift,
    values,
)
from schedules.schedule import knots

quick = settings(max_examples=60, deadline=None)
numbers = st.one_of(st.just(0.0), st.floats(1e-6, 2.0))
lengths = st.integers(1, 30)

leaves = st.one_of(
    st.builds(Constant, peak_value=numbers),
    st.builds(Linear, total_steps=lengths, peak_value=numbers, end_value=numbers),
    st.builds(Cosine, total_steps=lengths, peak_value=numbers, end_value=numbers),
    st.builds(Step, peak_value=numbers, step_size=lengths, gamma=st.floats(0.0, 1.0)),
    st.builds(
        MultiStep,
        peak_value=numbers,
        milestones=st.lists(lengths, max_size=3).map(lambda m: tuple(sorted(m))),
    ),
    st.builds(Ramp, peak_value=numbers, init_value=numbers, warmup_steps=st.integers(0, 30)),
    st.builds(
        CosineRestarts, peak_value=numbers, cycle_steps=lengths, cycle_mult=st.sampled_from([1, 1.5, 2])
    ),
)


def combined(inner):
    return st.one_of(
        st.tuples(
            st.lists(inner, min_size=1, max_size=4), st.lists(st.integers(0, 40), min_size=3, max_size=3)
        ).map(
            lambda drawn: Join(parts=tuple(drawn[0]), boundaries=tuple(sorted(drawn[1][: len(drawn[0]) - 1])))
        ),
        st.builds(
            Shift, schedule=inner, by=st.one_of(st.integers(-9, 9), st.integers(-36, 36).map(lambda n: n / 4))
        ),
        st.builds(Every, schedule=inner, steps=lengths),
        st.builds(Scale, schedule=inner, by=numbers),
        st.lists(inner, min_size=1, max_size=3).map(lambda factors: Product(factors=tuple(factors))),
        st.builds(Clip, schedule=inner, low=st.floats(0.0, 0.5), high=st.floats(0.5, 2.0)),
        st.builds(
            Repeat,
            schedule=inner,
            cycle_steps=lengths,
            cycles=st.one_of(st.none(), st.integers(1, 4)),
            cycle_mult=st.sampled_from([1, 1.3, 2]),
            cycle_decay=st.floats(0.0, 1.0),
        ),
    )


trees = st.recursive(leaves, combined, max_leaves=6)


# every result is a schedule like any other


@quick
@given(trees)
def test_a_tree_is_rebuilt_by_its_repr_compares_equal_hashes_and_pickles(tree):
    tree(7), knots(tree, 50)  # what they leave behind is no part of it
    rebuilt = eval(repr(tree), vars(schedules))

    assert rebuilt == tree
    assert hash(rebuilt) == hash(tree)
    assert pickle.loads(pickle.dumps(tree)) == tree


@quick
@given(trees, st.lists(st.floats(0, 100), min_size=1, max_size=8))
def test_numbers_and_arrays_get_the_same_answers_in_any_order(tree, steps):
    one_by_one = [tree(step) for step in steps]

    assert tree(np.array(steps)) == pytest.approx(one_by_one, rel=1e-12, abs=1e-15)
    assert [tree(step) for step in steps] == one_by_one


@quick
@given(trees)
def test_values_are_finite_and_never_negative(tree):
    run = values(tree, 80)

    assert np.isfinite(run).all()
    assert (run >= 0).all()


@quick
@given(trees)
def test_between_knots_nothing_jumps(tree):
    stop = 60
    declared = set(knots(tree, stop + 1))
    fine = np.arange(0, stop * 64) / 64
    change = np.abs(np.diff(tree(fine)))
    at = np.ceil(fine[1:])

    jumps = {int(step) for step, size in zip(at, change, strict=True) if size > 0.5}
    assert jumps <= declared


# join


cuts = st.integers(0, 25)


@quick
@given(trees, trees, trees, cuts, cuts)
def test_join_is_associative(a, b, c, first, second):
    left = join(join(a, b, at=first), c, at=first + second)
    right = join(a, join(b, c, at=second), at=first)

    assert left == right
    assert left == join(a, b, c, at=(first, first + second))


@quick
@given(trees)
def test_wrapping_in_a_join_of_one_changes_nothing(a):
    wrapped = Join(parts=(Join(parts=(a,), boundaries=()),), boundaries=())

    assert values(wrapped, 60).tolist() == values(a, 60).tolist()
    assert knots(wrapped, 60) == knots(a, 60)


@quick
@given(st.lists(trees, min_size=2, max_size=4), st.lists(cuts, min_size=3, max_size=3))
def test_each_part_of_a_join_runs_on_its_own_clock(parts, at):
    boundaries = sorted(at)[: len(parts) - 1]
    joined = join(*parts, at=boundaries)

    edges = [0, *boundaries, 60]
    for part, (start, stop) in zip(parts, pairwise(edges), strict=True):
        assert [joined(t) for t in range(start, stop)] == [part(t - start) for t in range(start, stop)]


@quick
@given(trees, trees, cuts)
def test_a_join_cut_in_two_is_the_same_join(a, b, cut):
    whole = join(a, b, at=cut)

    assert join(whole, shift(whole, 30), at=30)(29) == whole(29)
    assert values(join(whole, shift(whole, 30), at=30), 60) == pytest.approx(values(whole, 60))


def test_a_part_without_a_turn_is_left_out_even_for_steps_before_the_start():
    body = Constant(peak_value=0.1)

    assert join(Ramp(peak_value=0.1, init_value=0.0, warmup_steps=0), body, at=0) == join(body, at=())


def test_a_plain_function_may_be_any_part():
    joined = join(lambda t: 1.0 if t < 2 else 0.5, Linear(total_steps=2, peak_value=0.5), at=3)

    assert values(joined, 6).tolist() == [1.0, 1.0, 0.5, 0.5, 0.25, 0.0]


@pytest.mark.parametrize("boundaries", [(3,), (1, 2, 3), (5, 4), (-1, 2)])
def test_boundaries_must_fit_the_parts(boundaries):
    with pytest.raises(ValueError, match="boundaries must"):
        join(0.1, 0.2, 0.3, at=boundaries)


# repeat


@quick
@given(lengths, st.sampled_from([1, 1.25, 1.5, 2, 3]), st.floats(0.0, 1.0), numbers)
def test_a_repeated_cosine_is_cosine_restarts(cycle_steps, mult, decay, peak):
    ours = repeat(Cosine(total_steps=cycle_steps, peak_value=peak), cycle_steps, mult=mult, decay=decay)
    theirs = CosineRestarts(peak_value=peak, cycle_steps=cycle_steps, cycle_mult=mult, cycle_decay=decay)

    assert values(ours, 300) == pytest.approx(values(theirs, 300), abs=1e-12)


@pytest.mark.parametrize(("cycle_steps", "mult"), [(10, 1), (10, 2), (1, 3)])
def test_a_repeated_cosine_is_torchs_warm_restarts(cycle_steps, mult):
    optimizer = SGD([torch.zeros(1, requires_grad=True)], lr=0.1)
    theirs = CosineAnnealingWarmRestarts(optimizer, T_0=cycle_steps, T_mult=mult)
    ours = repeat(Cosine(total_steps=cycle_steps, peak_value=0.1), cycle_steps, mult=mult)

    for step in range(200):
        assert ours(step) == pytest.approx(optimizer.param_groups[0]["lr"], abs=1e-12)
        optimizer.step()
        theirs.step()


@quick
@given(st.integers(1, 40), st.sampled_from(["1", "1.1", "1.5", "2", "3", "7"]))
def test_cycles_begin_at_exact_whole_numbers(cycle_steps, mult):
    saw = Linear(total_steps=cycle_steps, peak_value=1.0)
    repeated = repeat(saw, cycle_steps, times=6, mult=float(mult))
    lengths = [int(cycle_steps * Fraction(mult) ** i) for i in range(6)]
    starts = [sum(lengths[:i]) for i in range(7)]

    assert [repeated(start) for start in starts[:6]] == [1.0] * 6
    assert all(
        repeated(start - 1) == pytest.approx(1 / length)
        for start, length in zip(starts[1:], lengths, strict=True)
    )
    assert repeated(starts[6]) == repeated(starts[6] + 999) == 0.0
    assert set(starts[1:]) <= set(knots(repeated, starts[6]))


def test_the_knots_inside_a_cycle_are_stretched_with_it():
    plan = WarmupStableDecay(total_steps=10, peak_value=1.0, warmup_steps=3, decay_steps=2)

    assert knots(repeat(plan, 10, times=2, mult=1.5), 99) == (3, 8, 10, 15, 22, 25)


@quick
@given(trees, lengths)
def test_repeating_once_holds_the_end_of_the_cycle(tree, cycle_steps):
    once = repeat(tree, cycle_steps, times=1)

    assert [once(t) for t in range(cycle_steps + 1)] == [tree(t) for t in range(cycle_steps + 1)]
    assert once(cycle_steps + 50) == tree(cycle_steps)


def test_a_million_cycles_cost_nothing():
    repeated = repeat(Linear(total_steps=3, peak_value=1.0), 3)

    assert repeated(3_000_000_001) == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"cycle_steps": 0}, "cycle_steps"),
        ({"mult": 0.0}, "cycle_mult"),
        ({"decay": -1}, "cycle_decay"),
        ({"times": 0}, "cycles"),
    ],
)
def test_repeat_refuses(settings, message):
    with pytest.raises(ValueError, match=f"{message} must be"):
        repeat(Constant(peak_value=1.0), **({"cycle_steps": 5} | settings))


# scale, product, clip, shift, every


@quick
@given(trees, trees, trees)
def test_product_is_associative_and_multiplies(a, b, c):
    assert product(product(a, b), c) == product(a, product(b, c))
    assert values(product(a, b), 40) == pytest.approx(values(a, 40) * values(b, 40), rel=1e-12)


@quick
@given(trees, st.floats(0.0, 3.0))
def test_scaling_is_a_product_with_a_number(tree, by):
    assert values(scale(tree, by), 40) == pytest.approx(values(product(by, tree), 40), rel=1e-12)
    assert values(scale(tree, 1.0), 40).tolist() == values(tree, 40).tolist()


@quick
@given(trees, st.floats(0.0, 1.0), st.floats(0.0, 1.0))
def test_clipping_twice_is_clipping_once(tree, one, other):
    low, high = sorted((one, other))
    clipped = clip(tree, low, high)

    assert values(clipped, 40).tolist() == np.clip(values(tree, 40), low, high).tolist()
    assert values(clip(clipped, low, high), 40).tolist() == values(clipped, 40).tolist()


def test_clip_declares_where_it_meets_a_bound():
    assert knots(clip(Linear(total_steps=10, peak_value=1.0), low=0.25, high=0.75), 20) == (3, 8, 10)


@quick
@given(trees, st.integers(0, 20), st.integers(0, 20))
def test_shifts_add_up(tree, a, b):
    assert values(shift(shift(tree, a), b), 40).tolist() == values(shift(tree, a + b), 40).tolist()
    assert values(shift(tree, a), 20).tolist() == values(tree, 20 + a, start=a).tolist()


@quick
@given(trees, lengths)
def test_stairs_hold_the_first_value_of_each_interval(tree, steps):
    stairs = every(tree, steps)

    assert [stairs(t) for t in range(40)] == [tree(t - t % steps) for t in range(40)]
    assert values(every(tree, 1), 40).tolist() == values(tree, 40).tolist()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: clip(Constant(peak_value=1.0)), "low or high must be given"),
        (lambda: clip(Constant(peak_value=1.0), 0.5, 0.1), "low must be <= high"),
        (lambda: scale(Constant(peak_value=1.0), -1.0), "by must be a number >= 0"),
        (lambda: product(), "factors must be one schedule or more"),
        (lambda: Scale(schedule=0.1, by=2.0), "schedule must be a schedule"),
    ],
)
def test_wrong_settings_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_a_decay_warmed_up_by_a_factor_is_the_ramp_where_the_decay_is_flat():
    trunk = WarmupStableDecay(total_steps=100, peak_value=0.1, decay_steps=20)
    ramp = Ramp(peak_value=1.0, init_value=0.0, warmup_steps=10)

    warmed = product(ramp, trunk)

    assert [warmed(t) for t in (0, 5, 10, 100)] == [0.0, 0.05, 0.1, 0.0]
    assert all(a <= b for a, b in pairwise(values(warmed, 80)))
