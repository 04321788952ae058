"""The scheduler's clock counts updates, its checkpoint is the clock, and other people's loops can run it."""

from __future__ import annotations

import copy
import gc
import json
import pickle
import warnings
import weakref

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.distributed.checkpoint.state_dict import get_optimizer_state_dict
from torch.optim import SGD, Adam
from torch.optim.lr_scheduler import LRScheduler, OneCycleLR

import schedules
from schedules.pytorch import Plan, Scheduler
from schedules.pytorch.identity import difference, identity, rebuild

TOTAL = 12
LINE = schedules.build("linear", total_steps=TOTAL, peak_value=1.0)
RISE = schedules.build("onecycle", total_steps=TOTAL, init_value=0.95, peak_value=0.85)
PLAN = Plan(lr=LINE, momentum=RISE)


def sgd(**entries: object) -> SGD:
    return SGD([{"params": [torch.nn.Parameter(torch.ones(2))], **entries}], lr=0.7, momentum=0.3)


def spied(optimizer: torch.optim.Optimizer) -> list[float]:
    """Return a list that will hold the learning rate that each update used."""
    used: list[float] = []
    optimizer.register_step_post_hook(lambda o, *_: used.append(float(o.param_groups[0]["lr"])))
    return used


def updates(optimizer: torch.optim.Optimizer, scheduler: LRScheduler, count: int) -> None:
    for _ in range(count):
        optimizer.step()
        scheduler.step()


def test_building_touches_nothing():
    optimizer = sgd()
    before, step = copy.deepcopy(optimizer.state_dict()), optimizer.step
    scheduler = Scheduler(optimizer, PLAN)

    assert isinstance(scheduler, LRScheduler)
    assert optimizer.state_dict() == before
    assert optimizer.step == step


def test_each_update_sees_its_own_value():
    optimizer = sgd()
    used = spied(optimizer)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        updates(optimizer, Scheduler(optimizer, PLAN), TOTAL + 3)
    assert used == [LINE(t) for t in range(TOTAL + 3)]


def test_runs_side_by_side_with_torch_on_the_same_curve():
    ours, theirs = Adam([torch.nn.Parameter(torch.ones(2))]), Adam([torch.nn.Parameter(torch.ones(2))])
    settings = {"total_steps": 100 - 1, "warmup_steps": 30 - 1, "decay_steps": 0}
    shapes = {"warmup_shape": "cosine", "decay_shape": "cosine"}
    lr = schedules.build("onecycle", peak_value=0.1, init_value=0.004, end_value=4e-7, **settings, **shapes)
    beta = schedules.build("onecycle", peak_value=0.85, init_value=0.95, **settings, **shapes)
    our_scheduler = Scheduler(ours, Plan(lr=lr, momentum=beta))
    their_scheduler = OneCycleLR(theirs, max_lr=0.1, total_steps=100)
    for _ in range(99):
        ours.step()
        theirs.step()
        a, b = ours.param_groups[0], theirs.param_groups[0]
        assert a["lr"] == pytest.approx(b["lr"], rel=1e-9)
        assert a["betas"] == pytest.approx(b["betas"], rel=1e-9)
        our_scheduler.step()
        their_scheduler.step()


def test_the_last_lr_is_what_the_next_update_uses():
    optimizer = SGD(
        [{"params": [torch.nn.Parameter(torch.ones(2))], "lr_scale": s} for s in (1.0, 0.5)], lr=1
    )
    scheduler = Scheduler(optimizer, Plan(lr=LINE))
    assert scheduler.get_last_lr() == scheduler.base_lrs == [1.0, 0.5]

    updates(optimizer, scheduler, 3)

    assert scheduler.get_last_lr() == scheduler.get_lr() == [LINE(3), LINE(3) / 2]
    assert [g["lr"] for g in optimizer.param_groups] == [LINE(3), LINE(3) / 2]


def test_a_plan_without_a_learning_rate_reports_the_held_one():
    scheduler = Scheduler(sgd(), Plan(momentum=RISE))
    assert scheduler.get_last_lr() == [0.7]


def test_only_updates_move_the_clock():
    optimizer = sgd()
    scheduler = Scheduler(optimizer, PLAN)
    scheduler.step()
    assert scheduler.last_step == 0
    optimizer.step()
    for _ in range(4):  # once per process, as Accelerate does
        scheduler.step()
    assert scheduler.last_step == scheduler.last_epoch == 1


def test_stepping_once_an_epoch_counts_epochs():
    optimizer = sgd()
    scheduler = Scheduler(optimizer, PLAN)
    for _ in range(3):
        for _ in range(5):
            optimizer.step()
        scheduler.step()
    assert scheduler.last_step == 3


def test_a_step_can_be_set():
    optimizer = sgd()
    scheduler = Scheduler(optimizer, PLAN)
    scheduler.step(5)
    assert (scheduler.last_step, optimizer.param_groups[0]["lr"]) == (5, LINE(5))
    scheduler.last_epoch = 7
    assert scheduler.get_last_lr() == [LINE(7)]


def test_an_update_skipped_by_the_grad_scaler_does_not_count():
    optimizer = sgd()
    (weight,) = optimizer.param_groups[0]["params"]
    used, scheduler = spied(optimizer), Scheduler(optimizer, PLAN)
    scaler = torch.amp.GradScaler("cpu", init_scale=4.0)
    clocks = []
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for batch in range(6):
            optimizer.zero_grad()
            scaler.scale((weight * (float("inf") if batch in (0, 3) else 0.1)).sum()).backward()
            scaler.step(optimizer)
            scaler.update()
            scheduler.step()
            clocks.append(scheduler.last_step)
    assert clocks == [0, 1, 2, 2, 3, 4]
    assert used == [LINE(t) for t in range(4)]


@given(stop=st.integers(0, TOTAL), order=st.booleans())
@settings(max_examples=20, deadline=None)
def test_resuming_anywhere_equals_never_having_stopped(stop: int, order: bool):
    whole = sgd()
    used = spied(whole)
    updates(whole, Scheduler(whole, PLAN), TOTAL)

    first = sgd()
    head, scheduler = spied(first), Scheduler(first, PLAN)
    updates(first, scheduler, stop)
    saved = json.loads(json.dumps(scheduler.state_dict()))
    second = sgd()
    tail = spied(second)
    if order:
        second.load_state_dict(first.state_dict())
    resumed = Scheduler(second, PLAN)
    resumed.load_state_dict(saved)
    resumed.load_state_dict(saved)  # sets, never adds
    if not order:
        second.load_state_dict(first.state_dict())
    updates(second, resumed, TOTAL - stop)

    assert head + tail == used


def test_starting_at_a_step_is_being_there():
    optimizer = sgd()
    used = spied(optimizer)
    updates(optimizer, Scheduler(optimizer, PLAN, last_step=5), 2)
    assert used == [LINE(5), LINE(6)]


def test_loading_writes_nothing():
    optimizer = sgd()
    scheduler = Scheduler(optimizer, PLAN)
    scheduler.load_state_dict({"step": 4})
    assert optimizer.param_groups[0]["lr"] == 0.7
    assert scheduler.get_last_lr() == [LINE(4)]


@pytest.mark.parametrize("state", [{}, {"last_epoch": 3}, {"step": -1}, {"step": 1.5}])
def test_a_state_without_a_clock_is_refused(state: dict[str, object]):
    with pytest.raises(ValueError, match="step"):
        Scheduler(sgd(), PLAN).load_state_dict(state)


LONGER = Plan(
    lr=schedules.build("wsd", total_steps=100, decay_steps=20, peak_value=1.0),
    momentum=0.9,
)
SHORTER = Plan(
    lr=schedules.build("wsd", total_steps=90, decay_steps=20, peak_value=1.0),
    momentum=0.9,
)


def test_another_plan_is_refused_with_the_first_step_that_differs():
    saved = Scheduler(sgd(), LONGER, last_step=60).state_dict()
    scheduler = Scheduler(sgd(), SHORTER)
    with pytest.raises(
        ValueError, match=r"differ from step 71 on: lr is 1 there and 0\.95 here .*at step 60.*on_mismatch"
    ):
        scheduler.load_state_dict(saved)
    assert scheduler.last_step == 0


def test_another_plan_can_be_kept_or_overridden():
    saved = Scheduler(sgd(), LONGER, last_step=75).state_dict()
    kept = Scheduler(sgd(), SHORTER, on_mismatch="keep")
    kept.load_state_dict(saved)
    override = Scheduler(sgd(), SHORTER, on_mismatch="override")
    override.load_state_dict(saved)

    assert kept.plan == LONGER
    assert kept.get_last_lr() == [LONGER.at(75)["lr"]]
    assert override.get_last_lr() == [SHORTER.at(75)["lr"]]


def test_other_words_for_the_same_values_are_no_mismatch():
    cosine = schedules.build("cosine", total_steps=50, peak_value=1.0)
    wsd = schedules.build("wsd", total_steps=50, decay_steps=50, decay_shape="cosine", peak_value=1.0)
    scheduler = Scheduler(sgd(), Plan(lr=wsd))
    scheduler.load_state_dict(Scheduler(sgd(), Plan(lr=cosine), last_step=3).state_dict())
    assert scheduler.last_step == 3


def test_a_hyper_parameter_more_or_less_is_a_mismatch():
    saved = Scheduler(sgd(), PLAN).state_dict()
    with pytest.raises(ValueError, match="from step 0 on: momentum"):
        Scheduler(sgd(), Plan(lr=LINE)).load_state_dict(saved)


def test_plain_functions_count_by_their_name():
    def half(step: int) -> float:
        return 0.5

    saved = Scheduler(sgd(), Plan(lr=half)).state_dict()
    assert "0x" not in saved["plan"]
    Scheduler(sgd(), Plan(lr=half)).load_state_dict(saved)
    with pytest.raises(ValueError, match=r"can't be read back.*override"):
        Scheduler(sgd(), PLAN).load_state_dict(saved)
    Scheduler(sgd(), PLAN, on_mismatch="override").load_state_dict(saved)


@pytest.mark.parametrize("text", ["__import__('os').getcwd()", "Plan(lr=open('x'))", "Plan(lr=1+1)", "1"])
def test_a_checkpoints_text_is_never_evaluated(text: str):
    with pytest.raises(ValueError, match="can't be read back"):
        rebuild(text)


def test_a_plans_text_is_read_back():
    lr = schedules.build("cosine", total_steps=50, peak_value=1.0, warmup_steps=5, shift=1, every=2)
    plan = Plan(lr=lr, momentum=0.9, groups={"head.*": Plan(lr=0.5)})
    assert rebuild(identity(plan)) == plan
    assert difference(plan, rebuild(identity(plan))) is None


def test_plans_are_compared_up_to_their_lengths_and_no_less_than_asked():
    def drop(at: int) -> Plan:
        return Plan(lr=schedules.build("multistep", peak_value=1.0, milestones=(at,)))

    assert difference(drop(70_000), drop(70_001)) == (70_000, "lr", pytest.approx(0.1), 1.0)
    late = Plan(lr=lambda step: float(step >= 50))
    assert difference(Plan(lr=0.0), late, at_least=49) is None
    assert difference(Plan(lr=0.0), late, at_least=50) == (50, "lr", 0.0, 1.0)


@pytest.mark.parametrize("clone", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_a_copy_goes_on_alone(clone):
    optimizer = sgd()
    scheduler = Scheduler(optimizer, PLAN)
    updates(optimizer, scheduler, 2)
    optimizer.step()  # an update that step() has not seen yet
    other, copied = clone((optimizer, scheduler))
    copied.step()
    used = spied(other)
    updates(other, copied, 2)

    assert copied.optimizer is other
    assert used == [LINE(3), LINE(4)]
    assert (scheduler.last_step, copied.last_step) == (2, 5)


def test_a_dropped_scheduler_leaves_nothing_behind():
    optimizer = sgd()
    scheduler = Scheduler(optimizer, PLAN)
    gone = weakref.ref(scheduler)
    gc.disable()
    try:
        del scheduler  # no cycle: it goes at once
        assert gone() is None
    finally:
        gc.enable()
    optimizer.step()
    assert optimizer.param_groups[0]["lr"] == 0.7
    assert not optimizer._optimizer_step_pre_hooks


def test_torchs_distributed_checkpoint_moves_no_weight():
    """It makes the optimizer's state by an update at lr 0, which would decay the weights at any other."""
    model = torch.nn.Linear(2, 2)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.1, weight_decay=0.5)
    scheduler, before = Scheduler(optimizer, Plan(lr=LINE)), copy.deepcopy(model.state_dict())
    get_optimizer_state_dict(model, optimizer)
    scheduler.step()

    torch.testing.assert_close(model.state_dict(), before, rtol=0, atol=0)
    assert scheduler.last_step == 0

    used = spied(optimizer)
    updates(optimizer, scheduler, 2)
    assert used == [LINE(0), LINE(1)]


@pytest.mark.parametrize("peak", [0.0, 1.0])
def test_a_rate_of_zero_is_no_reason_to_wait(peak: float):
    """Neither at building, nor in the plan, nor in the checkpoint of a finished run that goes on."""
    optimizer = SGD([torch.nn.Parameter(torch.ones(2))], lr=0.0)
    lr = schedules.build("linear", total_steps=2, peak_value=peak)
    scheduler, used = Scheduler(optimizer, Plan(lr=lr)), spied(optimizer)
    updates(optimizer, scheduler, 4)
    finished = copy.deepcopy(optimizer.state_dict())
    assert finished["param_groups"][0]["lr"] == 0.0

    other = SGD([torch.nn.Parameter(torch.ones(2))], lr=0.3)
    longer = Scheduler(other, Plan(lr=LINE), last_step=4)
    used_after = spied(other)
    other.load_state_dict(finished)
    updates(other, longer, 2)

    assert used == [lr(t) for t in range(4)]
    assert scheduler.last_step == 4
    assert used_after == [LINE(4), LINE(5)]


def test_groups_unfrozen_on_the_way_have_their_own_clock():
    optimizer = sgd(name="body")
    scheduler = Scheduler(optimizer, Plan(lr=LINE))
    updates(optimizer, scheduler, 4)
    optimizer.add_param_group({"params": [torch.nn.Parameter(torch.ones(2))], "start_step": 4})
    updates(optimizer, scheduler, 2)
    assert scheduler.get_last_lr() == [LINE(6), LINE(2)]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"plan": LINE}, "plan must be a Plan"),
        ({"last_step": -1}, "last_step must be a whole number >= 0"),
        ({"on_mismatch": "overide"}, "did you mean 'override'"),
        ({"optimizer": [1]}, "optimizer must be a torch optimizer"),
    ],
)
def test_wrong_arguments_are_refused(arguments: dict[str, object], message: str):
    with pytest.raises(ValueError, match=message):
        Scheduler(**({"optimizer": sgd(), "plan": PLAN} | arguments))
