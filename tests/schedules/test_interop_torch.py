"""torch's schedulers run for real, update by update, against the schedule read from them."""

import pickle
import warnings

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.optim import SGD, AdamW, lr_scheduler
from torch.optim.swa_utils import SWALR

import schedules
from schedules import Constant, Cosine, Linear, from_torch, to_torch
from schedules.pytorch import Plan

RATES = st.floats(1e-4, 10.0)
FACTORS = st.floats(0.05, 1.0)
LENGTHS = st.integers(1, 40)
FRACTIONS = st.floats(0.0, 1.0)


def sgd(lr=0.1, groups=1, **rest):
    rates = lr if isinstance(lr, list) else [lr] * groups
    parameters = [{"params": [torch.nn.Parameter(torch.zeros(1))], "lr": rate} for rate in rates]
    return SGD(parameters, lr=rates[0], momentum=0.9, **rest)


def run(scheduler, updates, read=lambda group: group["lr"], group=0):
    """What the optimizer holds at each update of a real run."""
    held = []
    for _ in range(updates):
        held.append(float(read(scheduler.optimizer.param_groups[group])))
        scheduler.optimizer.step()
        scheduler.step()
    return held


def agrees(schedule, held, rel=1e-9, abs=1e-9):
    peak = max(map(np.abs, held))
    ours = [schedule(t) for t in range(len(held))]
    assert ours == pytest.approx(held, rel=rel, abs=abs * max(peak, 1e-12))
    assert schedules.values(schedule, len(held)) == pytest.approx(held, rel=rel, abs=abs * max(peak, 1e-12))
    assert pickle.loads(pickle.dumps(schedule)) == schedule


@st.composite
def chainable(draw, length=40):
    """A torch scheduler that steps by multiplying, as a function of the optimizer."""
    steps, gamma = draw(LENGTHS), draw(FACTORS)
    marks = draw(st.lists(st.integers(0, length), max_size=4))
    start, end, power = draw(FACTORS), draw(FRACTIONS), draw(st.floats(0.3, 3.0))
    return draw(
        st.sampled_from(
            [
                lambda o: lr_scheduler.StepLR(o, steps, gamma),
                lambda o: lr_scheduler.MultiStepLR(o, marks, gamma),
                lambda o: lr_scheduler.ConstantLR(o, start, steps),
                lambda o: lr_scheduler.LinearLR(o, start, end, steps),
                lambda o: lr_scheduler.ExponentialLR(o, gamma),
                lambda o: lr_scheduler.PolynomialLR(o, steps, power),
                lambda o: lr_scheduler.CosineAnnealingLR(o, length + steps),
            ]
        )
    )


@st.composite
def single(draw):
    """Any torch scheduler that is a function of the step and writes its own values, too."""
    steps, low, mult = draw(st.integers(1, 15)), draw(FRACTIONS), draw(st.integers(1, 3))
    return draw(
        st.one_of(
            chainable(),
            st.sampled_from(
                [
                    lambda o: lr_scheduler.CosineAnnealingLR(o, 40 + steps, low),
                    lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, steps, mult, low),
                    lambda o: lr_scheduler.LambdaLR(o, lambda epoch: [1.0, 0.25, 0.5][epoch % 3]),
                    lambda o: SWALR(o, low, steps, "cos"),
                    lambda o: SWALR(o, low, steps - 1, "linear"),
                ]
            ),
        )
    )


class TestSingle:
    @settings(max_examples=60, deadline=None)
    @given(single(), RATES)
    def test_the_schedule_is_the_run(self, make, rate):
        scheduler = make(sgd(rate))
        read = from_torch(scheduler)
        assert list(read) == ["lr"]
        held = run(scheduler, 41)
        peak = max(held)
        assert [read["lr"](t) for t in range(41)] == pytest.approx(held, rel=1e-9, abs=1e-9 * peak)
        assert schedules.values(read["lr"], 41) == pytest.approx(held, rel=1e-9, abs=1e-9 * peak)

    def test_it_may_be_read_in_the_middle_of_its_run(self):
        scheduler = lr_scheduler.CosineAnnealingLR(sgd(), 20, 0.01)
        before = from_torch(scheduler)
        run(scheduler, 7)
        assert from_torch(scheduler) == before

    def test_plain_kinds_become_the_registered_schedules(self):
        assert from_torch(lr_scheduler.CosineAnnealingLR(sgd(0.5), 20, 0.1)) == {
            "lr": Cosine(peak_value=0.5, total_steps=20, end_value=0.1)
        }
        assert from_torch(lr_scheduler.StepLR(sgd(0.5), 3))["lr"].name == "step"

    def test_a_cosine_holds_where_torch_climbs_again(self):
        scheduler = lr_scheduler.CosineAnnealingLR(sgd(1.0), 4, 0.1)
        ours = from_torch(scheduler)["lr"]
        held = run(scheduler, 9)
        assert held[8] == pytest.approx(1.0)
        assert ours(8) == 0.1

    def test_a_cosine_may_end_between_two_steps(self):
        scheduler = lr_scheduler.CosineAnnealingLR(sgd(), 10.5, 0.01)
        ours = from_torch(scheduler)["lr"]
        agrees(ours, run(scheduler, 11))

    def test_a_tensor_rate_is_read_as_a_number(self):
        optimizer = AdamW([torch.nn.Parameter(torch.zeros(1))], lr=torch.tensor(0.1))
        scheduler = lr_scheduler.LinearLR(optimizer, 0.5, 1.0, 10)
        ours = from_torch(scheduler)["lr"]
        assert [ours(t) for t in range(12)] == pytest.approx(run(scheduler, 12), rel=1e-4)
        from_torch(scheduler)


class TestCycles:
    @settings(max_examples=60, deadline=None)
    @given(
        st.integers(1, 60),
        st.one_of(st.floats(0.0, 1.0), st.sampled_from([0.25, 0.5, 1.0])),
        st.sampled_from(["cos", "linear"]),
        st.booleans(),
        RATES,
        st.floats(1.5, 50.0),
        st.floats(2.0, 1e4),
        st.booleans(),
    )
    def test_one_cycle_drives_rate_and_momentum(
        self, total, pct, strategy, three, rate, div, final, has_betas
    ):
        optimizer = AdamW([torch.nn.Parameter(torch.zeros(1))]) if has_betas else sgd()
        try:
            scheduler = lr_scheduler.OneCycleLR(
                optimizer,
                rate,
                total_steps=total,
                pct_start=pct,
                anneal_strategy=strategy,
                three_phase=three,
                div_factor=div,
                final_div_factor=final,
            )
        except ZeroDivisionError:
            return  # torch cannot make it: the first phase ends exactly at step 0
        read = from_torch(scheduler)
        both = run_both(scheduler, total, has_betas)
        agrees(read["lr"], [rate for rate, _ in both])
        agrees(read["momentum"], [momentum for _, momentum in both])

    def test_the_usual_one_cycle_peaks_a_step_early_and_ends_with_its_last_update(self):
        read = from_torch(lr_scheduler.OneCycleLR(sgd(), 1.0, total_steps=100))
        assert read["lr"].steps == (0, 29, 99)
        assert read["lr"](29) == 1.0
        assert read["lr"](99) == pytest.approx(4e-6)

    def test_without_cycled_momentum_there_is_only_the_rate(self):
        scheduler = lr_scheduler.OneCycleLR(sgd(), 1.0, total_steps=10, cycle_momentum=False)
        assert list(from_torch(scheduler)) == ["lr"]

    @settings(max_examples=60, deadline=None)
    @given(
        st.integers(1, 12),
        st.one_of(st.none(), st.integers(0, 12)),
        st.sampled_from(["triangular", "triangular2", "exp_range"]),
        st.floats(0.8, 1.0),
        RATES,
        RATES,
    )
    def test_cyclic_drives_rate_and_momentum(self, up, down, mode, gamma, low, high):
        scheduler = lr_scheduler.CyclicLR(sgd(), low, high, up, down, mode=mode, gamma=gamma)
        read = from_torch(scheduler)
        both = run_both(scheduler, 60, False)
        agrees(read["lr"], [rate for rate, _ in both])
        agrees(read["momentum"], [momentum for _, momentum in both])

    @pytest.mark.parametrize("mode", ["cycle", "iterations"])
    def test_a_scale_function_of_the_users(self, mode):
        def scale(x):
            assert isinstance(x, int)
            return 1.0 / (1 + x)

        scheduler = lr_scheduler.CyclicLR(
            sgd(), 0.1, 1.0, 3, 4, scale_fn=scale, scale_mode=mode, cycle_momentum=False
        )
        ours = from_torch(scheduler)["lr"]
        held = run(scheduler, 40)
        assert [ours(t) for t in range(40)] == pytest.approx(held, rel=1e-9)


def run_both(scheduler, updates, has_betas):
    held = []
    for _ in range(updates):
        group = scheduler.optimizer.param_groups[0]
        held.append((group["lr"], group["betas"][0] if has_betas else group["momentum"]))
        scheduler.optimizer.step()
        if len(held) < updates:
            scheduler.step()
    return held


class TestComposites:
    @settings(max_examples=60, deadline=None)
    @given(
        st.lists(single(), min_size=1, max_size=4),
        st.lists(st.integers(0, 30), min_size=3, max_size=3),
        RATES,
    )
    def test_one_after_another(self, makers, cuts, rate):
        optimizer = sgd(rate)
        parts = [make(optimizer) for make in makers]
        milestones = sorted(cuts[: len(parts) - 1])
        scheduler = lr_scheduler.SequentialLR(optimizer, parts, milestones)
        ours = from_torch(scheduler)["lr"]
        held = run(scheduler, 40)
        assert [ours(t) for t in range(40)] == pytest.approx(held, rel=1e-9, abs=1e-9 * max(held))

    def test_warm_up_before_one_cycle_keeps_its_first_momentum_until_then(self):
        optimizer = sgd(0.1)
        warm = lr_scheduler.LinearLR(optimizer, 0.1, total_iters=5)
        cycle = lr_scheduler.OneCycleLR(optimizer, 1.0, total_steps=20)
        scheduler = lr_scheduler.SequentialLR(optimizer, [warm, cycle], [5])
        read = from_torch(scheduler)
        both = run_both(scheduler, 25, False)
        agrees(read["lr"], [rate for rate, _ in both])
        agrees(read["momentum"], [momentum for _, momentum in both])

    @settings(max_examples=60, deadline=None)
    @given(st.lists(chainable(), min_size=1, max_size=3), RATES)
    def test_one_times_another(self, makers, rate):
        optimizer = sgd(rate)
        scheduler = lr_scheduler.ChainedScheduler([make(optimizer) for make in makers])
        ours = from_torch(scheduler)["lr"]
        held = run(scheduler, 40)
        assert [ours(t) for t in range(40)] == pytest.approx(held, rel=1e-9, abs=1e-9 * max(held))
        assert schedules.values(ours, 40) == pytest.approx(held, rel=1e-9, abs=1e-9 * max(held))


class TestGroups:
    def test_groups_alike_need_not_be_named(self):
        assert from_torch(lr_scheduler.StepLR(sgd(groups=3), 5)) == from_torch(lr_scheduler.StepLR(sgd(), 5))

    def test_groups_that_differ_are_read_one_at_a_time(self):
        scheduler = lr_scheduler.CosineAnnealingLR(sgd([0.1, 0.2]), 10)
        with pytest.raises(ValueError, match="2 groups run different schedules; ask for one"):
            from_torch(scheduler)
        first, second = from_torch(scheduler, group=0)["lr"], from_torch(scheduler, group=1)["lr"]
        agrees(first, run(lr_scheduler.CosineAnnealingLR(sgd(0.1), 10), 10))
        agrees(second, run(lr_scheduler.CosineAnnealingLR(sgd(0.2), 10), 10))
        with pytest.raises(ValueError, match="group must be a whole number >= 0 and < 2, got 2"):
            from_torch(scheduler, group=2)

    def test_a_group_that_the_scheduler_does_not_know(self):
        scheduler = lr_scheduler.StepLR(sgd(), 5)
        scheduler.optimizer.add_param_group({"params": [torch.nn.Parameter(torch.zeros(1))]})
        with pytest.raises(ValueError, match="group 1 was added after"):
            from_torch(scheduler, group=1)


class TestRefusals:
    @pytest.mark.parametrize(
        ("make", "message"),
        [
            (lambda o: lr_scheduler.ReduceLROnPlateau(o), "ReduceLROnPlateau.*follows the loss"),
            (lambda o: lr_scheduler.MultiplicativeLR(o, lambda e: 0.9), "MultiplicativeLR.*all before it"),
            (
                lambda o: lr_scheduler.LinearLR(o, total_iters=0),
                "LinearLR: total_iters must be .*>= 1, got 0",
            ),
            (lambda o: lr_scheduler.ConstantLR(o, total_iters=0), "total_iters must be .*>= 1, got 0"),
            (lambda o: lr_scheduler.PolynomialLR(o, 5, -1.0), "PolynomialLR: power must be a number > 0"),
            (
                lambda o: lr_scheduler.CosineAnnealingLR(o, 0),
                "total_steps must be a whole number >= 1, got 0",
            ),
            (lambda o: lr_scheduler.CosineAnnealingLR(o, 5, -0.1), "end_value must be a number >= 0"),
            (lambda o: lr_scheduler.StepLR(o, 2, -0.5), "gamma must be a number >= 0, got -0.5"),
        ],
    )
    def test_what_is_no_schedule_of_ours(self, make, message):
        with pytest.raises(ValueError, match=message):
            from_torch(make(sgd()))

    def test_a_class_of_the_users_is_not_read_by_its_name(self):
        class StepLR(lr_scheduler.StepLR):
            def get_lr(self):
                return [0.5]

        with pytest.raises(ValueError, match=r"must be one of torch\.optim's own"):
            from_torch(StepLR(sgd(), 5))

    def test_a_rate_moved_by_hand(self):
        scheduler = lr_scheduler.CosineAnnealingLR(sgd(), 20)
        run(scheduler, 5)
        scheduler.optimizer.param_groups[0]["lr"] *= 0.5
        scheduler.step()
        with pytest.raises(ValueError, match=r"at step 6, where its settings give .* moved by hand"):
            from_torch(scheduler)

    def test_two_schedulers_on_one_optimizer(self):
        optimizer = sgd()
        lr_scheduler.LinearLR(optimizer, 0.5)
        with pytest.raises(ValueError, match=r"holds 0\.05 at step 0, where its settings give 0\.1"):
            from_torch(lr_scheduler.CosineAnnealingLR(optimizer, 20))

    def test_what_cannot_be_chained(self):
        optimizer = sgd()
        parts = [
            lr_scheduler.MultiStepLR(optimizer, [3]),
            lr_scheduler.CosineAnnealingWarmRestarts(optimizer, 5),
        ]
        with pytest.raises(ValueError, match="CosineAnnealingWarmRestarts writes its own values"):
            from_torch(lr_scheduler.ChainedScheduler(parts))

    def test_a_sequence_in_a_sequence(self):
        optimizer = sgd()
        inner = lr_scheduler.SequentialLR(optimizer, [lr_scheduler.StepLR(optimizer, 2)], [])
        with pytest.raises(ValueError, match="list its schedulers in the outer one"):
            from_torch(lr_scheduler.SequentialLR(optimizer, [inner], []))


class TestExport:
    @settings(max_examples=40, deadline=None)
    @given(RATES, st.floats(0.0, 1.0), st.integers(0, 10))
    def test_lambda_lr_runs_our_schedule(self, rate, end, warmup):
        ours = schedules.build("cosine", total_steps=40, peak_value=rate, end_value=end, warmup_steps=warmup)
        optimizer = sgd(0.3)
        held = run(lr_scheduler.LambdaLR(optimizer, to_torch(ours, optimizer)), 45)
        assert held == pytest.approx([ours(t) for t in range(45)], rel=1e-12)

    def test_each_group_keeps_its_scale(self):
        optimizer = sgd([0.1, 0.2])
        with pytest.raises(ValueError, match="the groups hold different values of lr"):
            to_torch(Linear(peak_value=1.0, total_steps=10), optimizer)
        for group, scale in zip(optimizer.param_groups, (1.0, 0.5), strict=True):
            group["lr_scale"] = scale
        scheduler = lr_scheduler.LambdaLR(
            optimizer, to_torch(Linear(peak_value=1.0, total_steps=10), optimizer)
        )
        run(scheduler, 5)
        assert scheduler.get_last_lr() == pytest.approx([0.5, 0.25])

    def test_a_checkpoint_restores_the_clock_and_not_the_settings(self):
        old = lr_scheduler.LambdaLR(o := sgd(), to_torch(Constant(peak_value=0.5), o))
        run(old, 3)
        new = lr_scheduler.LambdaLR(o := sgd(), to_torch(Constant(peak_value=0.7), o))
        new.load_state_dict(old.state_dict())
        new.step()
        assert (new.last_epoch, new.get_last_lr()) == (4, pytest.approx([0.7]))

    def test_a_rate_of_zero_cannot_be_multiplied(self):
        with pytest.raises(ValueError, match="lr must be a number > 0 in every group, got 0"):
            to_torch(Constant(peak_value=0.5), sgd(0.0))

    def test_there_and_back(self):
        ours = schedules.build("linear", total_steps=20, peak_value=0.5, warmup_steps=5)
        optimizer = sgd(0.25)
        back = from_torch(lr_scheduler.LambdaLR(optimizer, to_torch(ours, optimizer)))["lr"]
        assert [back(t) for t in range(25)] == pytest.approx([ours(t) for t in range(25)], rel=1e-12)


def test_what_is_read_drives_an_optimizer_as_the_scheduler_did():
    theirs = lr_scheduler.OneCycleLR(sgd(), 1.0, total_steps=30)
    optimizer = sgd()
    write = Plan(**from_torch(theirs)).bind(optimizer)
    for step, (rate, momentum) in enumerate(run_both(theirs, 30, False)):
        write(step)
        group = optimizer.param_groups[0]
        assert (group["lr"], group["momentum"]) == pytest.approx((rate, momentum), rel=1e-9, abs=1e-12)


@pytest.fixture(autouse=True)
def _quiet():
    """torch warns of schedulers stepped past their end and of rates never used; these runs do both."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
