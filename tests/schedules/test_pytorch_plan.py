"""A bound plan writes what it says, where it says, and refuses what it would get wrong."""

from __future__ import annotations

import copy
import pickle
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.optim import SGD, Adam, AdamW, NAdam, Optimizer, RAdam, RMSprop

import schedules
from schedules.pytorch import Plan

LINE = schedules.build("linear", total_steps=10, peak_value=1.0)
RISE = schedules.build("onecycle", total_steps=10, init_value=0.95, peak_value=0.85)
CURVE = schedules.build("cosine", total_steps=5000, peak_value=0.3, warmup_steps=700)


def parameter() -> torch.nn.Parameter:
    return torch.nn.Parameter(torch.ones(2, 2))


def group(**entries: object) -> dict[str, object]:
    return {"params": [parameter()], **entries}


def entries(optimizer: Optimizer, name: str) -> list[object]:
    return [g[name] for g in optimizer.param_groups]


def test_binding_touches_nothing():
    optimizer = SGD([parameter()], lr=0.7, momentum=0.3)
    before = copy.deepcopy(optimizer.state_dict())

    Plan(lr=LINE, momentum=RISE).bind(optimizer)

    assert optimizer.state_dict() == before


def test_writes_every_group_and_returns_the_values():
    optimizer = SGD([group(), group(), group()], lr=0.7, momentum=0.3)
    written = Plan(lr=LINE, momentum=RISE).bind(optimizer)(4)

    assert written == {"lr": LINE(4), "momentum": RISE(4)}
    assert entries(optimizer, "lr") == [LINE(4)] * 3
    assert entries(optimizer, "momentum") == [RISE(4)] * 3


@given(step=st.integers(-3000, 20_000))
@settings(max_examples=40, deadline=None)
def test_writes_the_schedules_own_value_at_any_step(step: int):
    optimizer = SGD([parameter()], lr=0.7)
    plan = Plan(lr=CURVE)
    written = plan.bind(optimizer)(step)["lr"]

    assert written == pytest.approx(CURVE(step), rel=1e-14, abs=1e-16)
    assert written == plan.at(step)["lr"] == optimizer.param_groups[0]["lr"]


def test_steps_between_and_numpy_steps_are_taken_too():
    write = Plan(lr=LINE).bind(SGD([parameter()], lr=0.7))
    assert write(2.5)["lr"] == 0.75
    assert write(np.int64(2))["lr"] == 0.8


def test_order_of_the_steps_does_not_matter():
    steps = [0, 4999, 3, 1024, 1023, 0, 2048]
    write = Plan(lr=CURVE).bind(SGD([parameter()], lr=0.7))
    assert [write(t)["lr"] for t in steps] == [Plan(lr=CURVE).at(t)["lr"] for t in steps]


@pytest.mark.parametrize("inside", [False, True])
def test_a_plain_function_is_asked_at_its_step_and_never_ahead(inside: bool):
    asked = []

    def schedule(step: int) -> float:
        asked.append(step)
        return 0.5

    plan = Plan(lr=schedules.Shift(schedule=schedule, by=0) if inside else schedule)
    write = plan.bind(SGD([parameter()], lr=0.7))
    write(3)
    write(3)

    assert asked == [3, 3]


@pytest.mark.parametrize("kind", [Adam, AdamW, RAdam, NAdam])
def test_momentum_means_the_first_beta(kind: type[Optimizer]):
    optimizer = kind([parameter()], lr=0.1, betas=(0.9, 0.99))
    written = Plan(momentum=0.8).bind(optimizer)(0)

    assert optimizer.param_groups[0]["betas"] == (0.8, 0.99)
    assert written == {"momentum": 0.8}


@pytest.mark.parametrize("names", [("beta1", "beta2"), ("beta2", "beta1")])
def test_both_betas_have_names(names: tuple[str, str]):
    optimizer = Adam([group(), group(beta2_scale=0.5), group(betas=(0.9, 0.98))], lr=0.1)
    given = {"beta1": 0.8, "beta2": 0.9}
    write = Plan(**{name: given[name] for name in names}).bind(optimizer)
    write(0)
    write(1)
    assert entries(optimizer, "betas") == [(0.8, 0.9), (0.8, 0.45), (0.8, 0.9)]


def test_one_beta_leaves_each_groups_other_one_alone():
    optimizer = Adam([group(), group(betas=(0.9, 0.98)), group()], lr=0.1)
    write = Plan(momentum=RISE).bind(optimizer)
    write(0)
    write(3)
    assert entries(optimizer, "betas") == [(RISE(3), 0.999), (RISE(3), 0.98), (RISE(3), 0.999)]


def test_two_names_for_one_beta_are_refused():
    with pytest.raises(ValueError, match=r"momentum and beta1 both mean betas\[0\]"):
        Plan(momentum=0.9, beta1=0.8).bind(Adam([parameter()]))


def test_momentum_is_the_entry_where_there_is_one():
    optimizer = RMSprop([parameter()], lr=0.1, momentum=0.5)
    Plan(momentum=0.8, alpha=0.95).bind(optimizer)(0)
    assert (optimizer.param_groups[0]["momentum"], optimizer.param_groups[0]["alpha"]) == (0.8, 0.95)


def test_muon_is_driven():
    optimizer = torch.optim.Muon([parameter()], lr=0.02)
    Plan(lr=LINE, momentum=RISE, weight_decay=0.2).bind(optimizer)(5)
    held = optimizer.param_groups[0]
    assert (held["lr"], held["momentum"], held["weight_decay"]) == (LINE(5), RISE(5), 0.2)


def test_any_number_of_a_group_is_driven():
    optimizer = AdamW([parameter()], lr=0.1)
    Plan(weight_decay=LINE, eps=1e-6).bind(optimizer)(5)
    assert (optimizer.param_groups[0]["weight_decay"], optimizer.param_groups[0]["eps"]) == (0.5, 1e-6)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("momentun", "SGD has no hyper-parameter 'momentun'; did you mean 'momentum'?"),
        ("beta1", "SGD has no hyper-parameter 'beta1'; known: dampening, lr, momentum, weight_decay"),
        ("nesterov", "SGD has no hyper-parameter 'nesterov'"),
        ("params", "SGD has no hyper-parameter 'params'"),
        ("lr_scale", "SGD has no hyper-parameter 'lr_scale'"),
    ],
)
def test_what_is_no_hyper_parameter_is_refused(name: str, message: str):
    with pytest.raises(ValueError, match=message.replace("?", r"\?")):
        Plan(**{name: 0.5}).bind(SGD([group(lr_scale=1.0)], lr=0.1))


@pytest.mark.parametrize("wrong", ["0.1", None, True, -0.1, float("nan"), schedules.Cosine])
def test_what_is_neither_schedule_nor_number_is_refused(wrong: object):
    with pytest.raises(ValueError, match="lr must be a schedule or a number >= 0"):
        Plan(lr=wrong)


def test_scales_multiply_the_plan():
    decay = 0.5
    optimizer = SGD([group(lr_scale=decay**depth) for depth in range(4)], lr=0.1)
    written = Plan(lr=LINE).bind(optimizer)(2)

    assert entries(optimizer, "lr") == [0.8, 0.4, 0.2, 0.1]
    assert written == {"lr": 0.8}


@pytest.mark.parametrize("wrong", [-1.0, float("inf"), "0.5", True])
def test_a_scale_that_is_no_number_is_refused(wrong: object):
    with pytest.raises(ValueError, match="lr_scale must be a number >= 0"):
        Plan(lr=LINE).bind(SGD([group(lr_scale=wrong)], lr=0.1))


def test_groups_that_would_be_levelled_are_refused():
    optimizer = SGD([group(lr=0.1), group(lr=0.01)])
    with pytest.raises(ValueError, match=r"different values of lr \(0\.1, 0\.01\).*'lr_scale'"):
        Plan(lr=LINE).bind(optimizer)


def test_betas_that_would_be_levelled_are_refused():
    optimizer = Adam([group(), group(betas=(0.5, 0.999))])
    with pytest.raises(ValueError, match=r"different values of momentum \(0\.9, 0\.5\)"):
        Plan(momentum=0.9).bind(optimizer)


def test_tensors_stay_the_same_tensors():
    lr, first, second = torch.tensor(0.1), torch.tensor(0.9), torch.tensor(0.999)
    optimizer = Adam([parameter()], lr=lr, betas=(first, second), foreach=False)
    Plan(lr=LINE, beta1=0.8, beta2=0.95).bind(optimizer)(5)

    held = optimizer.param_groups[0]
    assert held["lr"] is lr
    assert held["betas"][0] is first
    assert held["betas"][1] is second
    assert [lr.item(), first.item(), second.item()] == pytest.approx([0.5, 0.8, 0.95])


def test_a_tensor_that_groups_share_holds_one_value():
    shared = Adam([group(), group()], lr=torch.tensor(0.1), foreach=False)
    Plan(lr=LINE).bind(shared)(5)
    assert [float(lr) for lr in entries(shared, "lr")] == [0.5, 0.5]

    scaled = Adam([group(), group(lr_scale=0.5)], lr=torch.tensor(0.1), foreach=False)
    with pytest.raises(ValueError, match="group 1 shares its lr tensor"):
        Plan(lr=LINE).bind(scaled)


@pytest.mark.parametrize(("entry", "expected"), [({}, 0.8), ({"lr": 1.0}, 0.8), ({"lr_scale": 0.1}, 0.08)])
def test_groups_added_later_are_written_too(entry: dict[str, float], expected: float):
    """With the optimizer's default, with the value that the others hold, or with a scale."""
    optimizer = SGD([group()], lr=0.1)
    write = Plan(lr=LINE).bind(optimizer)
    write(0)
    optimizer.add_param_group(group(**entry))
    write(2)
    assert entries(optimizer, "lr") == pytest.approx([0.8, expected])


def test_a_group_added_with_a_value_of_its_own_is_refused():
    optimizer = SGD([group()], lr=0.1)
    write = Plan(lr=LINE).bind(optimizer)
    write(0)
    optimizer.add_param_group(group(lr=0.003))
    with pytest.raises(ValueError, match=r"different values of lr \(1, 0\.003\)"):
        write(1)


def test_groups_replaced_by_loading_are_written():
    optimizer = SGD([group(), group(lr_scale=0.5)], lr=torch.tensor(0.1))
    optimizer.param_groups[1]["lr"] = torch.tensor(0.1)
    write = Plan(lr=LINE).bind(optimizer)
    write(3)
    old = optimizer.param_groups
    optimizer.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    write(5)

    assert optimizer.param_groups is not old
    assert [float(lr) for lr in entries(optimizer, "lr")] == [0.5, 0.25]
    assert all(isinstance(lr, Tensor) for lr in entries(optimizer, "lr"))


def test_a_group_plan_says_only_what_differs():
    optimizer = SGD([group(name="body"), group(name="head"), group()], lr=0.1, momentum=0.9)
    plan = Plan(lr=LINE, momentum=RISE, groups={"head": Plan(lr=0.3)})
    written = plan.bind(optimizer)(4)

    assert entries(optimizer, "lr") == [LINE(4), 0.3, LINE(4)]
    assert entries(optimizer, "momentum") == [RISE(4)] * 3
    assert written == {"lr": LINE(4), "momentum": RISE(4), "lr/head": 0.3}
    assert plan.at(4) == written


def test_the_first_pattern_that_matches_counts():
    names = ["blocks.0", "blocks.1", "head", "stem"]
    optimizer = SGD([group(name=n) for n in names], lr=0.1)
    plan = Plan(lr=LINE, groups={"blocks.0": Plan(lr=0.0), "blocks.*": Plan(lr=0.2), "h?ad": Plan(lr=0.4)})
    written = plan.bind(optimizer)(0)

    assert entries(optimizer, "lr") == [0.0, 0.2, 0.4, 1.0]
    assert written == {"lr": 1.0, "lr/blocks.0": 0.0, "lr/blocks.1": 0.2, "lr/head": 0.4}


def test_groups_with_plans_of_their_own_may_hold_different_values():
    optimizer = SGD([group(name="body", lr=0.1), group(name="head", lr=0.5, weight_decay=0.1)], lr=0.1)
    Plan(lr=LINE, groups={"head": Plan(lr=LINE, weight_decay=0.2)}).bind(optimizer)(5)
    assert entries(optimizer, "weight_decay") == [0, 0.2]


@pytest.mark.parametrize(
    ("patterns", "message"),
    [
        (["hed"], "matches no group of the optimizer; did you mean 'head'"),
        (["*", "head"], r"groups\['head'\] is never used"),
    ],
)
def test_a_pattern_that_does_nothing_is_refused(patterns: list[str], message: str):
    optimizer = SGD([group(name="head")], lr=0.1)
    with pytest.raises(ValueError, match=message):
        Plan(lr=LINE, groups={p: Plan(lr=0.1) for p in patterns}).bind(optimizer)


def test_patterns_need_named_groups():
    with pytest.raises(ValueError, match="no group has a 'name'"):
        Plan(lr=LINE, groups={"head": Plan(lr=0.1)}).bind(SGD([parameter()], lr=0.1))


def test_plans_of_groups_have_no_groups():
    with pytest.raises(ValueError, match="must be a Plan without groups"):
        Plan(lr=LINE, groups={"a": Plan(lr=LINE, groups={"b": Plan(lr=LINE)})})


def test_a_group_may_start_its_clock_later():
    optimizer = SGD([group()], lr=0.1)
    write = Plan(lr=LINE).bind(optimizer)
    write(6)
    optimizer.add_param_group(group(name="unfrozen", start_step=6))
    early, at_start, later = write(5), write(6), write(8)

    assert early == {"lr": LINE(5), "lr/unfrozen": 1.0}  # before its start: the first value
    assert at_start == {"lr": LINE(6), "lr/unfrozen": 1.0}
    assert later == {"lr": LINE(8), "lr/unfrozen": LINE(2)}
    assert entries(optimizer, "lr") == [LINE(8), LINE(2)]


def test_the_start_survives_a_checkpoint():
    optimizer = SGD([group(), group(start_step=4)], lr=0.1)
    copied = SGD([group(), group()], lr=0.1)
    copied.load_state_dict(optimizer.state_dict())
    Plan(lr=LINE).bind(copied)(6)
    assert entries(copied, "lr") == [LINE(6), LINE(2)]


@pytest.mark.parametrize("wrong", [-1, 1.5, True])
def test_a_start_that_is_no_step_is_refused(wrong: object):
    with pytest.raises(ValueError, match="start_step must be a whole number >= 0"):
        Plan(lr=LINE).bind(SGD([group(start_step=wrong)], lr=0.1))


@pytest.mark.parametrize("clone", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_a_copied_writer_writes_into_the_copied_optimizer(clone):
    optimizer = Adam([group(), group(lr_scale=0.5)], lr=0.1)
    write = Plan(lr=LINE, momentum=0.8).bind(optimizer)
    copied, write_copy = clone((optimizer, write))
    write_copy(5)

    assert entries(copied, "lr") == [0.5, 0.25]
    assert entries(copied, "betas") == [(0.8, 0.999)] * 2
    assert entries(optimizer, "lr") == [0.1, 0.1]


def test_a_plan_prints_as_the_code_that_rebuilds_it():
    plan = Plan(lr=LINE, momentum=0.9, groups={"head": Plan(lr=RISE)})
    assert eval(repr(plan), vars(schedules) | {"Plan": Plan}) == plan
    assert plan != Plan(lr=LINE, momentum=0.9)
    assert plan == pickle.loads(pickle.dumps(plan))


def test_only_the_torch_package_imports_torch():
    root = Path(schedules.__file__).parent
    found = {
        path for path in root.rglob("*.py") if re.search(r"^\s*(import|from) torch\b", path.read_text(), re.M)
    }
    assert found
    assert {path.relative_to(root).parts[0] for path in found} == {"pytorch"}
