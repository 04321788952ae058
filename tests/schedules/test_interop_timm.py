"""timm's create_scheduler_v2, restated from its documented behaviour, epoch by epoch and update by update."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import schedules
from schedules import Cosine, CosineRestarts, MultiStep, Step, from_timm, to_timm


def reference(
    clock,
    lr,
    sched="cosine",
    num_epochs=300,
    decay_epochs=90,
    decay_milestones=(90, 180, 270),
    decay_rate=0.1,
    min_lr=0.0,
    warmup_lr=1e-5,
    warmup_epochs=0,
    warmup_prefix=False,
    cycle_decay=0.1,
    cycle_limit=1,
    k_decay=1.0,
):
    """timm's rate after ``clock`` whole units of its own clock, all lengths in that unit."""
    start = 0 if warmup_prefix else warmup_epochs

    def curve(t):
        if sched == "step":
            return lr * decay_rate ** (t // decay_epochs)
        if sched == "multistep":
            return lr * decay_rate ** sum(milestone <= t + 1 for milestone in decay_milestones)
        cycle, place = divmod(t, num_epochs)
        if cycle >= cycle_limit:
            return min_lr
        x = place / num_epochs
        left = {
            "cosine": lambda: 0.5 * (1 + math.cos(math.pi * x**k_decay)),
            "poly": lambda: (1 - x**k_decay) ** decay_rate,
            "tanh": lambda: 0.5 * (1 - math.tanh(-7 * (1 - x) + 3 * x)),
        }[sched]()
        return min_lr + (lr * cycle_decay**cycle - min_lr) * left

    if clock == 0 and not warmup_epochs:
        return lr
    if clock < warmup_epochs:
        top = curve(start) if sched == "tanh" and not warmup_prefix else lr
        return warmup_lr + (top - warmup_lr) * clock / warmup_epochs
    return curve(clock - warmup_epochs if warmup_prefix else clock)


@st.composite
def arguments(draw):
    sched = draw(st.sampled_from(["cosine", "tanh", "step", "multistep", "poly"]))
    rate = draw(st.floats(1e-3, 10.0))
    return {
        "lr": rate,
        "sched": sched,
        "num_epochs": draw(st.integers(1, 30)),
        "decay_epochs": draw(st.integers(1, 20)),
        "decay_milestones": sorted(draw(st.lists(st.integers(0, 40), max_size=3))),
        "decay_rate": draw(st.floats(0.05, 0.95)),
        "min_lr": draw(st.sampled_from([0.0, 0.1])) * rate,
        "warmup_lr": draw(st.floats(0.0, 1.0)) * rate,
        "warmup_epochs": draw(st.integers(0, 8)),
        "warmup_prefix": draw(st.booleans()),
        "cycle_decay": draw(st.floats(0.1, 1.0)),
        "cycle_limit": 1 if sched == "tanh" else draw(st.integers(1, 3)),
        "k_decay": draw(st.sampled_from([0.7, 1.0, 2.0])),
    }


@settings(max_examples=60, deadline=None)
@given(arguments())
def test_one_step_is_one_epoch(said):
    ours = from_timm(**said)
    expected = [reference(epoch, **said) for epoch in range(60)]
    assert [ours(t) for t in range(60)] == pytest.approx(expected, rel=1e-9, abs=1e-9 * said["lr"])
    assert schedules.values(ours, 60) == pytest.approx(expected, rel=1e-9, abs=1e-9 * said["lr"])


@settings(max_examples=60, deadline=None)
@given(arguments(), st.integers(1, 5))
def test_on_the_clock_of_updates(said, updates):
    by_epoch = from_timm(**said, updates_per_epoch=updates)
    expected = [reference(t // updates, **said) for t in range(40 * updates)]
    ours = [by_epoch(t) for t in range(40 * updates)]
    assert ours == pytest.approx(expected, rel=1e-9, abs=1e-9 * said["lr"])

    by_update = from_timm(**said, updates_per_epoch=updates, step_on_epochs=False)
    lengths = ("num_epochs", "decay_epochs", "warmup_epochs")
    longer = said | {name: said[name] * updates for name in lengths}
    longer["decay_milestones"] = [m * updates for m in said["decay_milestones"]]
    expected = [reference(t, **longer) for t in range(40 * updates)]
    ours = [by_update(t) for t in range(40 * updates)]
    assert ours == pytest.approx(expected, rel=1e-9, abs=1e-9 * said["lr"])


def test_the_warm_up_runs_over_the_decay_unless_it_is_a_prefix():
    said = {"lr": 1.0, "num_epochs": 10, "warmup_epochs": 4, "warmup_lr": 0.0}
    over = from_timm(**said)
    assert over(3) == 0.75
    assert over(4) == pytest.approx(0.654508, abs=1e-6)  # never at the peak
    assert from_timm(**said, warmup_prefix=True)(4) == 1.0


def test_drops_a_part_of_an_epoch_apart():
    ours = from_timm(lr=1.0, sched="step", decay_epochs=2.4, decay_rate=0.5)
    assert [ours(t) for t in range(8)] == [0.5 ** int(t / 2.4) for t in range(8)]


def test_cycles_that_grow_begin_where_exact_arithmetic_says():
    ours = from_timm(lr=1.0, num_epochs=1, cycle_mul=3.0, cycle_decay=1.0, cycle_limit=9)
    assert [t for t in range(2000) if ours(t) == 1.0] == [0, 1, 4, 13, 40, 121, 364, 1093]
    grown = from_timm(lr=1.0, num_epochs=4, cycle_mul=1.5, cycle_decay=0.5, cycle_limit=3, sched="poly")
    assert [grown(t) for t in (0, 4, 10, 19)] == [1.0, 0.5, 0.25, 0.0]


@pytest.mark.parametrize(
    "ours",
    [
        schedules.build("constant", peak_value=0.1, total_steps=40, warmup_steps=5),
        schedules.build("cosine", peak_value=0.1, total_steps=40, warmup_steps=5, end_value=0.01),
        schedules.build("cosine", peak_value=0.1, total_steps=40, k_decay=2.0),
        schedules.build("linear", peak_value=0.1, total_steps=40),
        schedules.build("polynomial", peak_value=0.1, total_steps=40, power=3.0, warmup_steps=2),
        schedules.build("step", peak_value=0.1, step_size=9, total_steps=40, warmup_steps=5),
        schedules.build("multistep", peak_value=0.1, milestones=[9, 20], total_steps=40, warmup_steps=5),
        Step(peak_value=0.1, step_size=7),
        MultiStep(peak_value=0.1, milestones=(1, 7)),
        CosineRestarts(peak_value=0.1, cycle_steps=10, cycles=3, cycle_decay=0.5, end_value=0.01),
        from_timm(lr=0.1, sched="tanh", num_epochs=20, warmup_epochs=3, warmup_prefix=True),
    ],
)
def test_what_is_said_to_timm_comes_back_the_same(ours):
    said = to_timm(ours)
    back = from_timm(**said)
    assert [back(t) for t in range(50)] == pytest.approx([ours(t) for t in range(50)], rel=1e-12, abs=1e-15)
    lr = said.pop("lr")
    clock = {key: value for key, value in said.items() if key not in ("step_on_epochs", "updates_per_epoch")}
    theirs = [reference(t, lr, **clock) for t in range(50)]
    assert theirs == pytest.approx([ours(t) for t in range(50)], rel=1e-9, abs=1e-12)


@pytest.mark.parametrize(
    ("ours", "message"),
    [
        (Cosine(peak_value=0.1, total_steps=10, power=2.0), "no exact equal of Cosine"),
        (CosineRestarts(peak_value=0.1, cycle_steps=10), "no exact equal of CosineRestarts"),
        (MultiStep(peak_value=0.1, milestones=(0, 5)), "no drop before the first update"),
        (schedules.build("wsd", peak_value=0.1, total_steps=10), "no exact equal"),
    ],
)
def test_what_timm_has_not_is_refused(ours, message):
    with pytest.raises(ValueError, match=message):
        to_timm(ours)


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"sched": "plateau"}, "sched must be one of cosine"),
        ({"step_on_epochs": False}, "updates_per_epoch must be a whole number >= 1, got 0"),
        ({"cycle_mul": 0.5}, "cycle_mul must be a number >= 1"),
        ({"cycle_limit": 0}, "cycle_limit must be a whole number >= 1"),
        ({"sched": "tanh", "cycle_limit": 2}, "cycle_limit must be 1 with tanh"),
        ({"cooldown_epochs": -1}, "cooldown_epochs must be a whole number >= 0"),
        ({"num_epochs": 0}, "total_steps must be a whole number >= 1, got 0"),
    ],
)
def test_wrong_arguments(said, message):
    with pytest.raises(ValueError, match=message):
        from_timm(lr=0.1, **said)
