import pickle

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given, settings

import schedules
from schedules import (
    SHAPES,
    Constant,
    Cooldown,
    Cosine,
    CosineRestarts,
    Extend,
    InverseTime,
    Linear,
    OneCycle,
    Piecewise,
    Polynomial,
    Shift,
    Step,
    WarmupStableDecay,
    build,
    cooldown,
    every,
    extend,
    fingerprint,
    from_torch,
    join,
    jumps,
    lineage,
    lint,
    loads,
    planned_steps,
    product,
    repeat,
    scale,
    shift,
    values,
)
from schedules.interop.pieces import Phases
from schedules.spec import dumps

quick = settings(max_examples=60, deadline=None)
peaks = st.floats(0.01, 2.0)
steps = st.integers(0, 130)

with_end = st.one_of(
    st.builds(Linear, total_steps=st.integers(5, 90), peak_value=peaks, end_value=peaks),
    st.builds(Cosine, total_steps=st.integers(5, 90), peak_value=peaks),
    st.builds(Polynomial, total_steps=st.integers(5, 90), peak_value=peaks, power=st.floats(0.5, 3)),
    st.builds(OneCycle, total_steps=st.integers(20, 90), peak_value=peaks),
    st.builds(
        WarmupStableDecay, total_steps=st.integers(20, 90), peak_value=peaks, warmup_steps=st.integers(0, 9)
    ),
    st.builds(
        build,
        st.sampled_from(["cosine", "linear"]),
        total_steps=st.integers(20, 90),
        peak_value=peaks,
        warmup_steps=st.integers(0, 9),
        shift=st.sampled_from([0, 0.5, 1]),
    ),
)
endless = st.one_of(
    st.builds(Constant, peak_value=peaks),
    st.builds(InverseTime, peak_value=peaks),
    st.builds(CosineRestarts, peak_value=peaks, cycle_steps=st.integers(3, 30), end_value=st.just(0.005)),
)
wrapped = with_end.flatmap(
    lambda s: st.sampled_from(
        [scale(s, 0.5), product(0.5, s), join(0.3, s, at=7), every(s, 3), schedules.clip(s, high=1.0)]
    )
)
running = st.one_of(with_end, wrapped)


# cooldown


@quick
@given(
    st.one_of(running, endless),
    steps,
    st.integers(1, 50),
    st.sampled_from(sorted(SHAPES)),
    st.floats(0.001, 0.1),
)
def test_a_cooldown_keeps_the_past_to_the_bit_begins_where_it_is_and_ends_where_it_should(
    schedule, at, over, shape, end
):
    branch = cooldown(schedule, at=at, over=over, shape=shape, end_value=end) if schedule(at) > 0 else None
    if branch is None:
        return

    assert [branch(t) for t in range(at)] == [schedule(t) for t in range(at)]
    assert values(branch, at).tolist() == values(schedule, at).tolist()
    assert branch(at) == schedule(at)
    assert branch(at + over) == branch(at + over + 1000) == end
    assert planned_steps(branch) == at + over
    low, high = sorted((schedule(at), end))
    assert np.all(values(branch, at + over, start=at) >= low * (1 - 1e-12))
    assert np.all(values(branch, at + over, start=at) <= high * (1 + 1e-12))


@quick
@given(running, st.integers(1, 130), st.integers(2, 50))
def test_a_cooldown_adds_no_jump(schedule, at, over):
    branch = cooldown(schedule, at=at, over=over)

    assert {b.step for b in jumps(branch, at + over + 9)} <= {b.step for b in jumps(schedule, at + over + 9)}


def test_a_cooldown_of_a_flat_trunk_is_wsd():
    trunk = build("constant", peak_value=0.1, warmup_steps=10)
    wsd = WarmupStableDecay(
        total_steps=100, peak_value=0.1, warmup_steps=10, decay_steps=20, decay_shape="one_minus_sqrt"
    )

    branch = cooldown(trunk, at=80, over=20, shape="one_minus_sqrt")

    assert values(branch, 120).tolist() == values(wsd, 120).tolist()


def test_the_end_may_be_a_part_of_where_it_begins():
    assert cooldown(Linear(total_steps=100, peak_value=1.0), at=50, over=10, end_value="10%")(60) == 0.05


def test_many_cooldowns_branch_from_one_trunk():
    trunk = Constant(peak_value=1.0)

    assert [cooldown(trunk, at=at, over=10)(at + 5) for at in (10, 50, 400)] == [0.5, 0.5, 0.5]


def test_a_plain_function_can_be_cooled_down():
    assert values(cooldown(lambda step: 1.0, at=2, over=2), 5).tolist() == [1.0, 1.0, 1.0, 0.5, 0.0]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"at": -1}, "at must be a whole number >= 0, got -1"),
        ({"at": "50%"}, "at = '50%' needs total_steps"),
        ({"over": 0}, "decay_steps must be a whole number >= 1, got 0"),
        ({"over": "10%"}, "decay_steps = '10%' needs total_steps"),
        ({"shape": "cosin"}, "decay_shape must be a shape's name, got 'cosin'; did you mean 'cosine'"),
        ({"end_value": -1.0}, "end_value must be a number >= 0"),
        ({"shape": "exponential"}, "end_value must be > 0 with the shape 'exponential'"),
        ({"shape": "exponential", "end_value": 0.1, "at": 100}, "the value at step at must be > 0"),
    ],
)
def test_a_wrong_cooldown_is_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        cooldown(Linear(total_steps=100, peak_value=1.0), **({"at": 50, "over": 10} | settings))


# extend


@quick
@given(running, st.integers(0, 120), st.integers(1, 200))
def test_extending_keeps_the_past_to_the_bit_and_does_not_jump(schedule, at, more):
    old_end = planned_steps(schedule)
    total = max(old_end, at) + more
    try:
        longer = extend(schedule, total_steps=total, at=at)
    except ValueError:
        assert at >= old_end
        return

    assert [longer(t) for t in range(at)] == [schedule(t) for t in range(at)]
    assert values(longer, at).tolist() == values(schedule, at).tolist()
    assert longer(at) == schedule(at)
    assert planned_steps(longer) == total
    own = {b.step for b in jumps(schedule, at + 1)}
    assert at in own or at not in {b.step for b in jumps(longer, at + 1)}


@quick
@given(with_end, st.integers(0, 120), st.integers(1, 200))
def test_an_extended_schedule_ends_as_the_old_one_did_at_the_new_step(schedule, at, more):
    old_end = planned_steps(schedule)
    if at >= old_end:
        return
    total = old_end + more

    longer = extend(schedule, total_steps=total, at=at)

    assert longer(total) == longer(total + 999) == schedule(old_end)
    if not isinstance(schedule, Shift):  # half a step ahead, it is at its end half a step early
        assert longer(total - 1) != longer(total) or schedule(old_end - 1) == schedule(old_end)


@quick
@given(st.integers(0, 80), st.integers(101, 500))
def test_the_flat_stretch_of_wsd_grows(at, total):
    plan = {"peak_value": 0.1, "warmup_steps": 10, "decay_steps": 20, "decay_shape": "one_minus_sqrt"}
    old = WarmupStableDecay(total_steps=100, **plan)

    longer = extend(old, total_steps=total, at=at)

    assert longer.longer == WarmupStableDecay(total_steps=total, **plan)
    assert values(longer, total + 50).tolist() == values(longer.longer, total + 50).tolist()


@pytest.mark.parametrize("at", [81, 90, 99])
def test_a_decay_that_has_begun_takes_longer(at):
    old = WarmupStableDecay(total_steps=100, peak_value=0.1, decay_steps=20)

    longer = extend(old, total_steps=300, at=at)

    assert longer.longer is None
    assert longer((at + 300) / 2) == pytest.approx((old(at) + 0) / 2)
    assert np.all(np.diff(values(longer, 301, start=at)) < 0)


def test_a_cosine_takes_the_values_that_were_still_to_come_more_slowly():
    longer = extend(Cosine(total_steps=100, peak_value=1.0), total_steps=180, at=20)

    assert [longer(20 + 2 * t) for t in range(81)] == pytest.approx(
        [Cosine(total_steps=100, peak_value=1.0)(20 + t) for t in range(81)], abs=1e-15
    )


def test_a_warm_up_that_is_still_going_meets_the_same_plan_with_a_later_end():
    plan = {"peak_value": 0.1, "warmup_steps": 10}

    longer = extend(build("cosine", total_steps=100, **plan), total_steps=200, at=10)

    assert longer.longer == build("cosine", total_steps=200, **plan)


def test_the_plan_inside_others_is_the_one_that_grows():
    old, new = (WarmupStableDecay(total_steps=total, peak_value=0.1, decay_steps=20) for total in (93, 193))

    def around(plan):
        return product(0.5, every(scale(shift(join(0.1, plan, at=10), 3), 0.5), 10))

    assert extend(around(old), total_steps=200, at=60).longer == around(new)


def test_a_repeat_or_a_cooldown_of_a_plan_with_an_end_is_stretched():
    plan = WarmupStableDecay(total_steps=100, peak_value=1.0, decay_steps=50)

    for schedule in (repeat(plan, 100, times=2), cooldown(plan, at=150, over=50)):
        longer = extend(schedule, total_steps=400, at=10)
        assert longer.longer is None
        assert longer(10 + 2 * 20) == pytest.approx(schedule(10 + 2 * 20 * 190 / 390))


def test_a_cooldown_that_has_not_begun_is_put_off():
    branch = cooldown(Constant(peak_value=1.0), at=80, over=20)

    longer = extend(branch, total_steps=200, at=50)

    assert longer.longer == cooldown(Constant(peak_value=1.0), at=180, over=20)


@pytest.mark.parametrize(
    "schedule",
    [
        Linear(total_steps=100, peak_value=1.0),
        Cosine(total_steps=100, peak_value=1.0, end_value=0.1),
        OneCycle(total_steps=100, peak_value=1.0),
        WarmupStableDecay(total_steps=100, peak_value=1.0),
        CosineRestarts(peak_value=1.0, cycle_steps=50, cycles=2),
        cooldown(Constant(peak_value=1.0), at=90, over=10),
    ],
)
@pytest.mark.parametrize("at", [100, 150])
def test_what_has_ended_cannot_be_extended(schedule, at):
    with pytest.raises(ValueError, match=rf"at must be before the end of the schedule, step 100, got {at}"):
        extend(schedule, total_steps=200, at=at)


@pytest.mark.parametrize(
    "schedule",
    [
        Constant(peak_value=1.0),
        Step(peak_value=1.0, step_size=30),
        InverseTime(peak_value=1.0),
        CosineRestarts(peak_value=1.0, cycle_steps=50),
        repeat(Linear(total_steps=50, peak_value=1.0), 50),
        shift(Constant(peak_value=1.0), 3),
    ],
)
def test_what_has_no_end_goes_on_by_itself(schedule):
    assert extend(schedule, total_steps=200, at=50) is schedule


def test_a_plateau_without_a_decay_may_be_extended_at_any_time():
    flat = WarmupStableDecay(total_steps=100, peak_value=1.0, decay_steps=0)

    assert set(values(extend(flat, total_steps=300, at=150), 400)) == {1.0}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"total_steps": 100}, "total_steps must be > 100, the old end or the step reached, got 100"),
        ({"total_steps": 60}, "total_steps must be > 100"),
        ({"at": 200}, "total_steps must be > 200"),
        ({"at": -1}, "at must be a whole number >= 0"),
        ({"total_steps": "5%"}, "total_steps = '5%' needs total_steps"),
    ],
)
def test_a_wrong_extension_is_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        extend(Linear(total_steps=100, peak_value=1.0), **({"total_steps": 200, "at": 50} | settings))


def test_a_plain_function_has_no_end_to_move():
    with pytest.raises(ValueError, match="schedule must be a registered schedule, which knows its end"):
        extend(lambda step: 0.1, total_steps=10, at=3)
    with pytest.raises(ValueError, match="schedule must have a planned end"):
        Extend(schedule=Constant(peak_value=1.0), total_steps=10, at=3)


# what it came from


@quick
@given(running, st.integers(0, 4), st.integers(101, 200), st.integers(20, 200), st.integers(1, 50))
def test_an_edited_schedule_remembers_its_past_in_repr_spec_and_pickle(schedule, at, total, later, over):
    longer = extend(schedule, total_steps=total, at=at)
    branch = cooldown(longer, at=later, over=over)

    assert lineage(branch) == (branch, longer, schedule)
    for copy in (
        eval(repr(branch), vars(schedules)),
        loads(dumps(branch)),
        pickle.loads(pickle.dumps(branch)),
    ):
        assert copy == branch
        assert hash(copy) == hash(branch)
        assert fingerprint(copy) == fingerprint(branch)
        assert lineage(copy) == (branch, longer, schedule)
        assert values(copy, 250).tolist() == values(branch, 250).tolist()


def test_an_edit_of_another_past_is_another_schedule():
    one = cooldown(Constant(peak_value=1.0), at=80, over=20)
    other = cooldown(WarmupStableDecay(total_steps=999, peak_value=1.0), at=80, over=20)

    assert values(one, 200).tolist() == values(other, 200).tolist()
    assert one != other
    assert isinstance(one, Cooldown)
    assert lineage(Constant(peak_value=1.0)) == (Constant(peak_value=1.0),)


def test_an_imported_one_cycle_is_extended_like_the_native_one():
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=0.1)
    peer = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.1, total_steps=100, pct_start=0.3)
    imported = from_torch(peer)["lr"]
    native = OneCycle(
        total_steps=99,
        peak_value=0.1,
        warmup_steps=29,
        decay_steps=0,
        init_value=0.004,
        end_value=4e-7,
        warmup_shape="cosine",
        decay_shape="cosine",
    )
    np.testing.assert_allclose(values(imported, 220), values(native, 220), rtol=1e-12)
    for at in (20, 29, 50):
        longer, expected = (extend(each, total_steps=200, at=at) for each in (imported, native))
        np.testing.assert_allclose(values(longer, 220), values(expected, 220), rtol=1e-9)
    assert [longer(t) for t in (99, 150, 199)] == pytest.approx([0.045503, 0.012843, 6e-6], abs=5e-7)


@pytest.mark.parametrize(
    "polyline",
    [
        Piecewise(steps=(0, 10, 80, 100), values=(0.0, 1.0, 1.0, 0.0)),
        build("multistage", peak_value=1.0, warmup_steps=10, init_value=0.0, total_steps=100,
              stage_steps=(70, 20), stage_values=(1.0, 0.0)),
        Phases(at=(0.0, 10.0, 80.0, 100.0), values=(0.0, 1.0, 1.0, 0.0), shapes=("linear",) * 3),
    ],
    ids=["piecewise", "multistage", "phases"],
)  # fmt: skip
@pytest.mark.parametrize("at", [0, 5, 50, 80, 90])
def test_curves_through_points_are_extended_like_wsd(polyline, at):
    wsd = WarmupStableDecay(total_steps=100, peak_value=1.0, warmup_steps=10, decay_steps=20, init_value=0.0)
    assert planned_steps(polyline) == 100
    np.testing.assert_allclose(
        values(extend(polyline, total_steps=230, at=at), 250),
        values(extend(wsd, total_steps=230, at=at), 250),
        atol=1e-12,
    )
    assert "ends-late" in {finding.code for finding in lint(polyline, 60)}
    with pytest.raises(ValueError, match="nothing of it is left to run"):
        extend(polyline, total_steps=230, at=100)


@pytest.mark.parametrize("pct", [0.3, 0.27])
@pytest.mark.parametrize("three_phase", [False, True])
@pytest.mark.parametrize("at", [10, 50, 80])
def test_an_imported_momentum_is_extended_with_its_rate(pct, three_phase, at):
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=0.1, momentum=0.9)
    peer = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, 0.1, total_steps=100, pct_start=pct, three_phase=three_phase
    )
    rate, momentum = (from_torch(peer)[name] for name in ("lr", "momentum"))
    assert planned_steps(momentum) == planned_steps(rate) == 99
    longer = values(extend(momentum, total_steps=200, at=at), 220)
    assert longer[: at + 1].tolist() == values(momentum, at + 1).tolist()
    if not three_phase:  # one falls while the other rises, all the way
        longer_rate = values(extend(rate, total_steps=200, at=at), 220)
        assert np.argmin(longer) == np.argmax(longer_rate)
        np.testing.assert_array_equal(np.diff(longer) > 0, np.diff(longer_rate) < 0)


def test_a_valley_is_extended_like_the_native_one():
    native = OneCycle(
        total_steps=100, peak_value=0.85, warmup_steps=30, decay_steps=0, init_value=0.95, end_value=0.95
    )
    valley = Piecewise(steps=(0, 30, 100), values=(0.95, 0.85, 0.95))
    assert planned_steps(valley) == 100
    assert "ends-late" in {finding.code for finding in lint(valley, 60)}
    for at in (0, 20, 50):
        longer, expected = (values(extend(each, total_steps=200, at=at), 220) for each in (valley, native))
        np.testing.assert_allclose(longer, expected, rtol=1e-12)


def test_a_dip_leaves_the_warmup_before_it():
    dip = Piecewise(steps=(0, 10, 50, 100), values=(0.0, 1.0, 0.5, 1.0))
    assert extend(dip, total_steps=150, at=20).longer == Piecewise(
        steps=(0, 10, 50, 150), values=(0.0, 1.0, 0.5, 1.0)
    )


@pytest.mark.parametrize(
    "endless",
    [
        Piecewise(steps=(0, 10), values=(0.0, 1.0)),
        Piecewise(steps=(0, 10, 10), values=(1.0, 1.0, 0.1)),
        Piecewise(steps=(0, 10), values=(1.0, 0.1), between=("constant",)),
        build(
            "multistage", peak_value=1.0, stage_steps=(5, 5), stage_values=(1.0, 0.1), stage_shapes=("jump",)
        ),
    ],
)
def test_a_warmup_or_a_drop_has_no_end_to_extend(endless):
    assert planned_steps(endless) is None
    assert extend(endless, total_steps=500, at=5) is endless


@pytest.mark.parametrize(
    "around",
    [lambda f: scale(f, 2.0), lambda f: join(Constant(peak_value=1.0), f, at=10), lambda f: shift(f, 3)],
)
def test_a_plain_function_inside_is_refused(around):
    with pytest.raises(ValueError, match="schedule must be made of registered schedules"):
        extend(around(lambda step: 1.0 / (step + 1)), total_steps=500, at=5)


def test_an_imported_function_is_refused():
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=0.1)
    imported = from_torch(torch.optim.lr_scheduler.LambdaLR(optimizer, lambda n: 1 - n / 1000))["lr"]
    with pytest.raises(ValueError, match="schedule must be made of registered schedules"):
        extend(imported, total_steps=2000, at=5)
