"""Defects that other libraries have or had, by the behaviour that shows them. Ours must show none.

Each test's comment names where the defect was met: a public issue, or the library and its code.
"""

import copy
import math
import pickle
import warnings
from itertools import accumulate, pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.optim import SGD, AdamW

import schedules
from schedules import (
    Constant,
    Cosine,
    CosineRestarts,
    Every,
    Exponential,
    Join,
    Linear,
    MultiStep,
    OneCycle,
    Polynomial,
    Ramp,
    Shift,
    Step,
    WarmupStableDecay,
    build,
    from_optax,
    join,
    to_torch,
)
from schedules.pytorch import Plan
from schedules.schedule import knots

TOTAL = 40
PLANNED = {  # schedules with an end, which they must keep
    "linear": build("linear", total_steps=TOTAL, peak_value=1.0, end_value=0.1, warmup_steps=5),
    "polynomial": build("polynomial", total_steps=TOTAL, peak_value=1.0, end_value=0.1, power=0.5),
    "cosine": build("cosine", total_steps=TOTAL, peak_value=1.0, end_value=0.1, warmup_steps=5),
    "cosine_restarts": CosineRestarts(peak_value=1.0, end_value=0.1, cycle_steps=10, cycles=4),
    "wsd": build("wsd", total_steps=TOTAL, peak_value=1.0, end_value=0.1, warmup_steps=5),
    "onecycle": OneCycle(total_steps=TOTAL, peak_value=1.0, end_value=0.1, init_value=0.2),
}
ENDLESS = {
    "constant": Constant(peak_value=1.0),
    "step": Step(peak_value=1.0, step_size=5),
    "multistep": MultiStep(peak_value=1.0, milestones=(5, 20)),
    "exponential": Exponential(peak_value=1.0, gamma=0.9),
}
ALL = PLANNED | ENDLESS


def each(table):
    return pytest.mark.parametrize("schedule", list(table.values()), ids=list(table))


def sgd(*rates):
    rates = rates or (0.1,)
    groups = [{"params": [torch.nn.Parameter(torch.zeros(2))], "lr": rate} for rate in rates]
    return SGD(groups, lr=0.1, momentum=0.9)


def rates(optimizer):
    return [float(group["lr"]) for group in optimizer.param_groups]


class TestAfterTheEnd:
    @each(PLANNED)
    @pytest.mark.parametrize("late", [0, 1, 2, TOTAL, 10 * TOTAL])
    def test_the_last_value_holds(self, schedule, late):
        # climbs back: torch CosineAnnealingLR, transformers cosine, paddle, mmengine; jumps back: ignite
        assert schedule(TOTAL + late) == 0.1

    @each(ALL)
    def test_nothing_is_negative(self, schedule):
        # torch OneCycleLR(linear) -0.14 one step late; torchtitan linear; pytorch_optimizer LinearScheduler
        assert schedules.values(schedule, 20 * TOTAL).min() >= 0.0

    @each(ALL)
    def test_one_step_too_many_is_no_error(self, schedule):
        # pytorch#38170 "Tried to step N times"; fvcore Step and Constant raise at their end
        assert math.isfinite(schedule(10**9))

    @each(ALL)
    def test_before_the_start_the_first_value_holds(self, schedule):
        # optax join_schedules evaluates every branch at negative steps
        assert schedule(-3) == schedule(0)


class TestPlacesOfChange:
    @pytest.mark.parametrize("first", [1, 2, 3, 7, 10, 29])
    @pytest.mark.parametrize("mult", [2, 3, 5, 6, 7, 10])
    def test_restarts_fall_on_exact_sums(self, first, mult):
        # int(log(...)) misplaces them: torch CosineAnnealingWarmRestarts.step(epoch), timm cycle_mul,
        # paddle, ignite; T_0=1, T_mult=3, epoch 121 gives 0 in place of the peak
        schedule = CosineRestarts(peak_value=1.0, cycle_steps=first, cycle_mult=mult)
        starts = [0, *accumulate(first * mult**i for i in range(8))]
        assert [schedule(t) for t in starts] == [1.0] * len(starts)
        assert all(schedule(t - 1) < 1.0 for t in starts[2:])
        assert knots(schedule, starts[-1]) == tuple(starts[1:])

    def test_a_milestone_is_the_first_step_of_the_lower_value(self):
        # timm MultiStepLRScheduler drops at m - 1, keras PiecewiseConstantDecay at m + 1
        schedule = MultiStep(peak_value=1.0, milestones=(30,))
        assert (schedule(29), schedule(30)) == (1.0, 0.1)

    def test_each_part_of_a_join_is_reached(self):
        # levanter value_at_step always returned its first segment
        parts = [Constant(peak_value=v) for v in (1.0, 2.0, 3.0)]
        assert [join(*parts, at=(2, 4))(t) for t in range(6)] == [1.0, 1.0, 2.0, 2.0, 3.0, 3.0]

    def test_a_warm_up_meets_the_peak_without_a_kink(self):
        # timm without warmup_prefix never reaches it (Swin-Transformer#277); torchtitan reaches it twice
        schedule = build("cosine", total_steps=100, peak_value=1.0, warmup_steps=10)
        assert schedule(10) == 1.0
        assert schedule(9) < 1.0 > schedule(11)

    def test_total_steps_count_the_warm_up(self):
        # Megatron-LM#2258: decay_steps with or without the warm-up left a tail at the floor
        schedule = build("linear", total_steps=100, peak_value=1.0, warmup_steps=10)
        assert schedule(100) == 0.0 < schedule(99)

    def test_the_planned_end_is_the_end_value_and_not_one_update_sooner(self):
        # nanotron's last executed step never reaches its floor; dolomite's power schedule has no end at all
        for schedule in PLANNED.values():
            assert schedule(TOTAL - 1) > 0.1 == schedule(TOTAL)


class TestFirstUpdate:
    @pytest.mark.parametrize("name", ["linear", "cosine", "polynomial", "wsd"])
    def test_it_is_not_wasted(self, name):
        # gpt-neox#1373, bert#1293, torchtitan#1261, DeepSpeed#5287 (two updates at 0), pytorch_optimizer REX
        schedule = build(name, total_steps=100, peak_value=1.0, warmup_steps=10)
        values = [schedule(t) for t in range(11)]
        assert values[0] > 0.0
        assert np.diff(values) == pytest.approx(values[0])

    def test_it_runs_at_the_first_value_and_not_at_the_peak(self):
        # DeepSpeed#5731: the scheduler only wrote after the first update
        optimizer = sgd(1.0)
        write = Plan(lr=build("linear", total_steps=100, peak_value=1.0, warmup_steps=9)).bind(optimizer)
        write(0)
        assert rates(optimizer) == [0.1]


class TestShortAndEmptyPhases:
    @settings(max_examples=60, deadline=None)
    @given(st.integers(1, 20), st.data())
    def test_a_one_cycle_of_any_phases(self, total, data):
        # torch OneCycleLR: ZeroDivisionError where pct_start * total_steps is 1, or pct_start is 1.0
        up = data.draw(st.integers(0, total))
        away = data.draw(st.integers(0, total - up))
        schedule = OneCycle(
            total_steps=total, peak_value=1.0, init_value=0.2, warmup_steps=up, decay_steps=away
        )
        values = schedules.values(schedule, total + 3)
        assert np.isfinite(values).all()
        assert (values >= 0.0).all()
        assert (values <= 1.0).all()
        assert schedule(total) == pytest.approx(0.02)
        if up < total - away:
            assert schedule(up) == 1.0

    @pytest.mark.parametrize("total", range(1, 8))
    @pytest.mark.parametrize("name", ["onecycle", "wsd", "cosine", "linear", "polynomial"])
    def test_runs_of_a_few_steps(self, name, total):
        # optax linear_onecycle: boundaries collide, n=1 never reaches its peak, n=2 has no warm-up
        values = schedules.values(build(name, total_steps=total, peak_value=1.0), total)
        assert values.max() == pytest.approx(1.0)
        assert np.isfinite(values).all()

    def test_boundaries_that_collide_in_a_peers_tiny_run_are_refused(self):
        # the same, where its schedule is read: a phase would silently be lost
        with pytest.raises(ValueError, match="transition_steps is too small"):
            from_optax("linear_onecycle_schedule", transition_steps=1, peak_value=1.0)

    def test_a_part_of_no_length_is_passed_over(self):
        # pytorch#185872: SequentialLR with a milestone of 0 initialised the wrong scheduler
        a, b, c = (Constant(peak_value=v) for v in (1.0, 2.0, 3.0))
        assert join(a, b, at=(0,))(0) == 2.0
        assert [join(a, b, c, at=(2, 2))(t) for t in (1, 2)] == [1.0, 3.0]

    def test_no_warm_up_and_no_decay_are_lengths_like_others(self):
        # transformers polynomial, torch StepLR(0) and CosineAnnealingLR(T_max=0): ZeroDivisionError
        assert Ramp(peak_value=1.0, init_value=0.0, warmup_steps=0)(0) == 1.0
        assert WarmupStableDecay(total_steps=5, peak_value=1.0, decay_steps=0)(9) == 1.0
        assert WarmupStableDecay(total_steps=5, peak_value=1.0, warmup_steps=5, decay_steps=0)(5) == 1.0

    @pytest.mark.parametrize(
        ("make", "message"),
        [
            (lambda: Cosine(total_steps=0, peak_value=1.0), "total_steps must be a whole number >= 1, got 0"),
            (lambda: Step(step_size=0, peak_value=1.0), "step_size must be a whole number >= 1, got 0"),
            (
                lambda: build("polynomial", total_steps=9, warmup_steps=10, peak_value=1.0),
                "warmup_steps must be <= total_steps, got 10 > 9",
            ),
            (
                # lingua's WSD divides by its floor ratio
                lambda: build("wsd", total_steps=9, peak_value=1.0, decay_shape="inverse"),
                "end_value must be > 0 with the shape 'inverse', got 0",
            ),
            (
                # optax stays at init_value, with a line in the log
                lambda: from_optax("linear_schedule", init_value=1.0, end_value=0.0, transition_steps=0),
                "total_steps must be a whole number >= 1, got 0",
            ),
        ],
    )
    def test_what_has_no_meaning_is_refused_when_made_and_by_name(self, make, message):
        with pytest.raises(ValueError, match=message):
            make()

    def test_a_warm_up_longer_than_the_run_is_not_shortened_in_silence(self):
        # torchtitan clamps it and warns; lr-scheduling shortens a phase by one
        with pytest.raises(ValueError, match=r"warmup_steps \+ decay_steps must be <= total_steps"):
            WarmupStableDecay(total_steps=10, peak_value=1.0, warmup_steps=8, decay_steps=3)


class TestUnits:
    def test_one_is_one_step(self):
        # levanter: the number 1 meant 100 % of the run
        assert build("linear", total_steps=100, peak_value=1.0, warmup_steps=1)(1) == 1.0
        ramp = build("wsd", total_steps=100, peak_value=1.0, warmup_steps="100%", decay_steps=0)
        assert ramp.warmup_steps == 100

    def test_a_bare_fraction_is_neither(self):
        with pytest.raises(ValueError, match="warmup_steps must be a whole number of steps, or a text"):
            build("linear", total_steps=100, peak_value=1.0, warmup_steps=0.1)

    def test_parts_that_add_up_to_the_whole_do(self):
        # fastai combine_scheds and fairseq tri_stage assert sum == 1: .7 + .2 + .1 fails
        schedule = build("onecycle", total_steps=10, peak_value=1.0, warmup_steps="70%", decay_steps="30%")
        assert (schedule.warmup_steps, schedule.decay_steps) == (7, 3)
        for percent in range(101):
            build(
                "wsd",
                total_steps=1000,
                peak_value=1.0,
                warmup_steps=f"{percent}%",
                decay_steps=f"{100 - percent}%",
            )

    @pytest.mark.parametrize(
        ("percent", "of", "whole"), [(29, 100, 29), (57, 100, 57), (30, 10, 3), (58, 50, 29)]
    )
    def test_a_part_is_not_cut_by_a_rounding_error(self, percent, of, whole):
        # pytorch_warmup int(2 / (1 - beta2)) is 1999 for 0.999; int(0.29 * 100) is 28
        assert build("wsd", total_steps=of, peak_value=1.0, warmup_steps=f"{percent}%").warmup_steps == whole

    def test_a_part_of_a_value_says_that_it_is_one(self):
        # keras#21772: alpha is a fraction of the rate, and was documented as a rate
        assert build("cosine", total_steps=9, peak_value=0.5, end_value="10%").end_value == 0.05
        assert build("cosine", total_steps=9, peak_value=0.5, end_value=0.1).end_value == 0.1


class TestShapes:
    @pytest.mark.parametrize("power", [0.25, 0.5, 1.0, 2.0])
    def test_a_polynomial_falls(self, power):
        # pytorch_optimizer PolyScheduler grows without bound: (t - warmup) ** order
        values = schedules.values(Polynomial(total_steps=20, peak_value=1.0, power=power), 40)
        assert (np.diff(values) <= 0.0).all()
        assert values.max() == 1.0

    @pytest.mark.parametrize("shape", list(schedules.SHAPES))
    def test_a_cooldown_of_any_shape_keeps_the_floor(self, shape):
        # pytorch_optimizer get_wsd_schedule ignores it but for cosine, then jumps up to it
        schedule = WarmupStableDecay(
            total_steps=20, peak_value=1.0, decay_steps=10, end_value=0.3, decay_shape=shape
        )
        values = schedules.values(schedule, 30)
        assert (np.diff(values) <= 1e-15).all()
        assert values.min() == values[-1] == schedule(20) == 0.3

    @pytest.mark.parametrize("name", ["linear", "polynomial", "cosine", "wsd", "onecycle", "exponential"])
    def test_every_decay_has_a_floor(self, name):
        # transformers#26209: none on the linear decay; torch PolynomialLR ends at 0 only
        assert "end_value" in schedules.accepted(name)

    @pytest.mark.parametrize("name", ["linear", "polynomial", "cosine"])
    def test_each_step_of_a_decay_has_a_value_of_its_own(self, name):
        # pytorch_optimizer Chebyshev repeats its first value for steps 0 to 2
        values = schedules.values(build(name, total_steps=20, peak_value=1.0), 20)
        assert len(set(values.tolist())) == 20


class TestComposition:
    @each(ALL)
    def test_wrapping_changes_nothing(self, schedule):
        # pytorch#196243: SequentialLR([SequentialLR(...)], []) is a step ahead of what it wraps
        wrapped = Join(parts=(Join(parts=(schedule,), boundaries=()),), boundaries=())
        assert [wrapped(t) for t in range(60)] == [schedule(t) for t in range(60)]

    def test_joining_is_associative(self):
        a, b, c = Ramp(init_value=0.0, peak_value=1.0, warmup_steps=4), ALL["cosine"], ALL["step"]
        left = join(join(a, b, at=(4,)), c, at=(9,))
        right = join(a, join(b, c, at=(5,)), at=(4,))
        assert left == right

    def test_factors_act_in_any_order_and_none_is_dropped(self):
        # pytorch#129565: ChainedScheduler([MultiStepLR, CosineAnnealingWarmRestarts]) drops the MultiStepLR
        drops, waves = (
            MultiStep(peak_value=1.0, milestones=(5,)),
            CosineRestarts(peak_value=1.0, cycle_steps=4),
        )
        one, other = (schedules.product(2.0, *pair) for pair in ((drops, waves), (waves, drops)))
        expected = [2.0 * drops(t) * waves(t) for t in range(12)]
        assert [one(t) for t in range(12)] == [other(t) for t in range(12)] == pytest.approx(expected)

    @each(ALL)
    def test_asking_leaves_no_trace(self, schedule):
        # pytorch#20527, #22107, #31828: asking again for a step decayed again
        before = [schedule(t) for t in (0, 5, 39)]
        schedules.values(schedule, 100)
        schedule(77)
        assert [schedule(t) for t in (0, 5, 39)] == before
        assert copy.deepcopy(schedule) == schedule

    def test_given_lists_are_not_kept_or_changed(self):
        # lr-scheduling edits its caller's arguments, fvcore its caller's lists
        milestones = [5, 20]
        schedule = build("multistep", peak_value=1.0, milestones=milestones)
        milestones.append(1)
        assert schedule.milestones == (5, 20)


class TestResume:
    @each(ALL)
    @pytest.mark.parametrize("k", [0, 1, 5, 20, 39])
    def test_a_plan_made_in_the_middle_goes_on_as_if_it_had_run(self, schedule, k):
        # pytorch#162591 (SequentialLR), #65342 (cosine), #52236 (restarts); last_epoch means another step
        # in StepLR and MultiStepLR, where a drop at the very step of the resume happened twice
        ran, resumed = sgd(), sgd()
        write = Plan(lr=schedule).bind(ran)
        for step in range(k + 1):
            write(step)
        Plan(lr=schedule).bind(resumed)(k)
        assert rates(resumed) == rates(ran)

    @each(ALL)
    def test_making_and_binding_write_nothing(self, schedule):
        # pytorch#119168: building a SequentialLR after load_state_dict destroys the loaded rate
        optimizer = sgd(0.123)
        Plan(lr=Join(parts=(schedule, schedule), boundaries=(9,)), momentum=0.5).bind(optimizer)
        assert rates(optimizer) == [0.123]
        assert optimizer.param_groups[0]["momentum"] == 0.9
        assert "initial_lr" not in optimizer.param_groups[0]

    def test_a_checkpoint_cannot_bring_back_old_settings(self):
        # torch: load_state_dict replaces the new T_max by the old; Megatron-LM#1138
        optimizer = sgd()
        Plan(lr=Linear(total_steps=10, peak_value=1.0)).bind(optimizer)(5)
        saved = copy.deepcopy(optimizer.state_dict())
        fresh = sgd()
        write = Plan(lr=Linear(total_steps=1000, peak_value=1.0)).bind(fresh)
        fresh.load_state_dict(saved)
        write(5)
        assert rates(fresh) == [0.995]

    def test_nor_through_torchs_own_lambda_scheduler(self):
        # torch writes the saved __dict__ of a callable object into the new one, frozen or not
        schedule = Linear(total_steps=1000, peak_value=1.0)
        old, new = (
            torch.optim.lr_scheduler.LambdaLR(o, to_torch(s, o))
            for o, s in ((sgd(), Linear(total_steps=10, peak_value=1.0)), (sgd(), schedule))
        )
        new.load_state_dict(old.state_dict())
        assert schedule == Linear(total_steps=1000, peak_value=1.0)
        assert new.lr_lambdas[0](5) == pytest.approx(9.95)

    def test_loading_twice_is_loading_once(self):
        # Megatron-LM load_state_dict adds the saved steps to its own
        optimizer = sgd()
        write = Plan(lr=Linear(total_steps=10, peak_value=1.0)).bind(optimizer)
        write(5)
        write(5)
        assert rates(optimizer) == [0.5]

    def test_every_hyper_parameter_is_current_at_the_first_update_after_it(self):
        # Megatron-LM#7468: the weight decay was stale for one step
        optimizer = AdamW([torch.nn.Parameter(torch.zeros(2))])
        Plan(
            lr=Linear(total_steps=10, peak_value=1.0),
            weight_decay=Ramp(init_value=0.0, peak_value=0.4, warmup_steps=8),
            momentum=Constant(peak_value=0.8),
        ).bind(optimizer)(6)
        group = optimizer.param_groups[0]
        assert (group["lr"], group["weight_decay"], group["betas"][0]) == pytest.approx((0.4, 0.3, 0.8))

    @each(ALL)
    def test_a_schedule_pickles_whole_and_holds_no_optimizer(self, schedule):
        # pytorch#9927, #106243, #85410: lambdas that don't pickle, optimizers saved along, cycles;
        # paddle's restarts lose the length of their cycle
        schedule(77)
        again = pickle.loads(pickle.dumps(schedule))
        assert again == schedule
        assert [again(t) for t in range(100)] == [schedule(t) for t in range(100)]

    def test_a_longer_run_is_a_new_schedule_and_the_old_one_stays(self):
        # open_clip#413, composer#56: training on past the plan jumps, or is refused
        plan = WarmupStableDecay(total_steps=40, peak_value=1.0, warmup_steps=4, decay_steps=10)
        longer = WarmupStableDecay(total_steps=80, peak_value=1.0, warmup_steps=4, decay_steps=10)
        assert [plan(t) for t in range(30)] == [longer(t) for t in range(30)]


class TestOptimizer:
    def test_a_value_changed_by_hand_is_not_folded_into_the_curve(self):
        # torch's chainable form multiplies whatever the group holds, for the rest of the run
        optimizer = sgd()
        write = Plan(lr=Cosine(total_steps=20, peak_value=1.0)).bind(optimizer)
        write(4)
        optimizer.param_groups[0]["lr"] *= 0.5
        write(5)
        assert rates(optimizer) == [Cosine(total_steps=20, peak_value=1.0)(5)]

    @each(ALL)
    def test_a_group_added_later_follows_the_same_curve(self, schedule):
        # pytorch#79888, #104361, #62475: it follows its own, raises, or is left out
        optimizer = sgd()
        write = Plan(lr=schedule).bind(optimizer)
        write(3)
        optimizer.add_param_group({"params": [torch.nn.Parameter(torch.zeros(2))]})
        write(7)
        assert rates(optimizer) == [schedule(7)] * 2

    def test_rates_that_differ_are_not_levelled_in_silence(self):
        # transformers polynomial reads optimizer.defaults["lr"] for all groups; torch eta_min is one for all
        with pytest.raises(ValueError, match="the groups hold different values of lr"):
            Plan(lr=Constant(peak_value=1.0)).bind(sgd(0.1, 0.2))

    def test_the_second_beta_is_left_alone(self):
        # DeepSpeed OneCycle writes (momentum, 0.99)
        optimizer = AdamW([torch.nn.Parameter(torch.zeros(2))], betas=(0.9, 0.95))
        Plan(momentum=OneCycle(total_steps=10, init_value=0.95, peak_value=0.85)).bind(optimizer)(0)
        assert optimizer.param_groups[0]["betas"] == (0.95, 0.95)

    def test_a_tensor_stays_the_same_tensor(self):
        # pytorch#133898 (a beta replaced by a float recompiles); timm, ignite and mmengine replace the rate
        rate, beta = torch.tensor(0.1), torch.tensor(0.9)
        optimizer = AdamW(
            [torch.nn.Parameter(torch.zeros(2))],
            lr=rate,
            betas=(beta, torch.tensor(0.99)),
            foreach=False,
            capturable=True,
        )
        Plan(lr=Linear(total_steps=10, peak_value=1.0), momentum=Constant(peak_value=0.5)).bind(optimizer)(5)
        assert optimizer.param_groups[0]["lr"] is rate
        assert optimizer.param_groups[0]["betas"][0] is beta
        assert (float(rate), float(beta)) == (0.5, 0.5)

    def test_a_single_precision_rate_does_not_drift(self):
        # torch multiplies the tensor at each step: 3e-4 off after 20 000
        rate = torch.tensor(1.0)
        optimizer = SGD([torch.nn.Parameter(torch.zeros(2))], lr=rate)
        schedule = Exponential(peak_value=1.0, gamma=0.999)
        write = Plan(lr=schedule).bind(optimizer)
        for step in range(5000):
            write(step)
        assert float(rate) == pytest.approx(schedule(4999), rel=1e-7)

    def test_no_warning_whatever_the_order_and_no_patched_step(self):
        # pytorch#44511, #55585, #67590: "lr_scheduler.step() before optimizer.step()" under a gradient scaler
        optimizer = sgd()
        own = type(optimizer).step
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            write = Plan(lr=Constant(peak_value=1.0)).bind(optimizer)
            write(0)
            write(1)
            optimizer.step()
        assert type(optimizer).step is own
        assert "step" not in vars(optimizer)

    def test_a_skipped_update_leaves_the_clock_to_the_caller(self):
        # accelerate steps its scheduler num_processes times a call (accelerate#2926); nothing here counts
        optimizer = sgd()
        write = Plan(lr=Linear(total_steps=10, peak_value=1.0)).bind(optimizer)
        for _ in range(8):
            write(2)
        assert rates(optimizer) == [0.8]


class TestNames:
    @pytest.mark.parametrize(
        ("make", "message"),
        [
            (lambda: build("cosin", total_steps=9, peak_value=1.0), "did you mean 'cosine'"),
            (lambda: build("linear", total_steps=9, peak_value=1.0, warmup=3), "no field 'warmup'"),
            (lambda: build("wsd", total_steps=9, peak_value=1.0, decay_shape="cos"), "decay_shape must be"),
            (lambda: Plan(learning_rate=0.1).bind(sgd()), "no hyper-parameter 'learning_rate'"),
        ],
    )
    def test_a_name_that_is_not_known_is_no_silence(self, make, message):
        # timm returns (None, epochs) for it; big_vision's **kw and transformers' get_scheduler drop arguments
        with pytest.raises(ValueError, match=message):
            make()

    def test_stairs_and_shifts_keep_the_ends(self):
        # per-epoch stepping in Lightning and per-step schedules met by name only (Lightning#2817, #5631)
        stairs = Every(schedule=PLANNED["cosine"], steps=10)
        assert [a == b for a, b in pairwise(stairs(t) for t in range(50))].count(False) == 4
        assert Shift(schedule=PLANNED["cosine"], by=1)(TOTAL - 1) == 0.1
