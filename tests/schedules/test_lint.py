import math

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from schedules import (
    Constant,
    Cosine,
    CosineRestarts,
    Exponential,
    InverseTime,
    Linear,
    MultiStep,
    OneCycle,
    Polynomial,
    Ramp,
    Step,
    WarmupStableDecay,
    build,
    clip,
    cooldown,
    every,
    extend,
    join,
    lint,
    names,
    product,
    repeat,
    scale,
    shift,
)
from schedules.inspect.linting import CODES
from schedules.inspect.unused import unused_fields

T = 1000
cosine = Cosine(total_steps=T, peak_value=0.1)


def codes(schedule, total_steps=T):
    return [finding.code for finding in lint(schedule, total_steps)]


# what is right is left alone


SENSIBLE = {
    "constant": [{}],
    "step": [{"step_size": 300}, {"step_size": 300, "gamma": 0.5, "warmup_steps": "5%"}],
    "multistep": [
        {"milestones": (300, 600, 800)},
        {"milestones": (800, 900), "gamma": 0.316, "warmup_steps": 20},
    ],
    "exponential": [{"gamma": 0.999}, {"rate": 0.005, "end_value": 1e-3}, {"gamma": 0.9, "step_size": 100}],
    "inverse_time": [{}, {"rate": 0.1}, {"rate": 1.0, "step_size": 100}],
    "polynomial": [{}, {"power": 0.9, "end_value": 1e-4, "warmup_steps": 10}, {"power": 2.0, "k_decay": 1.5}],
    "linear": [{}, {"warmup_steps": "10%"}, {"end_value": "10%"}, {"warmup_steps": 1}],
    "cosine": [
        {},
        {"warmup_steps": "5%", "end_value": "10%"},
        {"warmup_steps": 20, "warmup_shape": "cosine"},
        {"shift": 1, "end_value": 1e-4},
        {"shift": 0.5},
        {"every": 100},
        {"every": 300, "end_value": "1%"},
    ],
    "cosine_restarts": [
        {"cycle_steps": 100},
        {"cycle_steps": 100, "cycle_mult": 2, "cycle_decay": 0.5},
        {"cycle_steps": 250, "cycles": 4},
    ],
    "wsd": [
        {},
        {"warmup_steps": "5%", "decay_steps": "20%", "decay_shape": "one_minus_sqrt"},
        {"warmup_steps": 50, "init_value": 1e-4, "decay_shape": "cosine", "end_value": 1e-3, "power": 2.0},
        {"decay_shape": "exponential", "end_value": 1e-3},
        {"decay_steps": 0},
    ],
    "onecycle": [
        {},
        {
            "warmup_steps": "30%",
            "decay_steps": 0,
            "decay_shape": "cosine",
            "warmup_shape": "cosine",
            "end_value": 1e-7,
        },
        {"init_value": 0.95, "peak_value": 0.85},
    ],
}


@pytest.mark.parametrize(
    ("name", "settings"), [(name, settings) for name, many in SENSIBLE.items() for settings in many]
)
def test_every_schedule_with_sensible_settings_is_clean(name, settings):
    assert lint(build(name, total_steps=T, **({"peak_value": 0.1} | settings)), T) == []


def as_they_come():
    """Every schedule that can be made from a length and a peak alone."""
    made = []
    for name in names():
        try:
            made.append(pytest.param(build(name, total_steps=T, peak_value=0.1), id=name))
        except ValueError:
            continue
    return made


@pytest.mark.parametrize("schedule", as_they_come())
def test_every_schedule_is_clean_as_it_comes(schedule):
    assert lint(schedule, T) == []


def get_lr(step):
    """NanoGPT's, with warmup_iters=50, lr_decay_iters=1000, min_lr=6e-5."""
    if step < 50:
        return 6e-4 * (step + 1) / 51
    if step > 1000:
        return 6e-5
    ratio = (step - 50) / 950
    return 6e-5 + 0.5 * (1.0 + math.cos(math.pi * ratio)) * (6e-4 - 6e-5)


def warm(peak, steps=20):
    return Ramp(peak_value=peak, init_value=peak / (steps + 1), warmup_steps=steps)


RECIPES = {
    "nanoGPT": get_lr,
    "torch: LinearLR, then CosineAnnealingLR": build(
        "cosine", total_steps=T, peak_value=0.1, warmup_steps=50, init_value="0.1%"
    ),
    "torch: OneCycleLR": OneCycle(
        total_steps=T - 1,
        peak_value=0.1,
        init_value=0.1 / 25,
        end_value=0.1 / 25e4,
        warmup_steps=299,
        decay_steps=0,
        warmup_shape="cosine",
        decay_shape="cosine",
    ),
    "torch: ConstantLR times ExponentialLR": product(
        join(1 / 3, 1.0, at=5), Exponential(peak_value=0.1, gamma=0.999)
    ),
    "torch: CosineAnnealingWarmRestarts, the first cycle warmed up": build(
        "cosine_restarts", total_steps=T, peak_value=0.1, cycle_steps=140, cycle_mult=2, warmup_steps=20
    ),
    "ResNet": build("multistep", total_steps=90, peak_value=0.1, milestones=(30, 60, 80), warmup_steps=5),
    "OLMo: last update at the end": build(
        "cosine", total_steps=T - 1, peak_value=0.1, warmup_steps=50, end_value="10%"
    ),
    "a plan one step longer than its run": Cosine(total_steps=T + 1, peak_value=0.1),
    "GPT-3: the last eighth flat": build(
        "cosine", total_steps=T * 26 // 30, peak_value=6e-4, warmup_steps=2, end_value="10%"
    ),
    "DeepSeek-V3": join(
        warm(2.2e-4),
        2.2e-4,
        Cosine(total_steps=290, peak_value=2.2e-4, end_value=2.2e-5),
        2.2e-5,
        7.3e-6,
        at=(20, 675, 965, 988),
    ),
    "Llama 3: cosine, then linear to 0": join(
        warm(8e-5),
        Cosine(total_steps=940, peak_value=8e-5, end_value=8e-7),
        Linear(total_steps=40, peak_value=8e-7),
        at=(20, 960),
    ),
    "Moonlight: cosine, up again, linear to 0": join(
        warm(4.2e-4),
        Cosine(total_steps=780, peak_value=4.2e-4, end_value=4.2e-5),
        Ramp(peak_value=1e-4, init_value=4.2e-5, warmup_steps=20),
        Linear(total_steps=180, peak_value=1e-4),
        at=(20, 800, 820),
    ),
    "SmolLM: wsd": WarmupStableDecay(
        total_steps=T, peak_value=5e-4, warmup_steps=4, decay_steps=200, decay_shape="one_minus_sqrt"
    ),
    "cool down like a power, never above": clip(
        Polynomial(total_steps=T, peak_value=0.3, power=1.2), high=0.1
    ),
    "a floor under a decay": clip(InverseTime(peak_value=0.1, rate=0.05), low=2.1e-3),
    "snapshots": repeat(Cosine(total_steps=200, peak_value=0.1), 200, decay=0.7),
    "two restarts by hand": join(
        Cosine(total_steps=500, peak_value=0.1), Cosine(total_steps=500, peak_value=0.05), at=500
    ),
    "warm-up as a factor": product(
        Ramp(peak_value=1.0, init_value=0.01, warmup_steps=50), Step(peak_value=0.1, step_size=300)
    ),
    "a drop where the warm-up ends": product(
        join(Ramp(peak_value=1.0, init_value=0.01, warmup_steps=300), 1.0, at=300),
        Step(peak_value=0.1, step_size=300),
    ),
    "a branch": cooldown(build("constant", peak_value=0.1, warmup_steps=50), at=800, over=200),
    "a longer run": extend(
        WarmupStableDecay(total_steps=600, peak_value=0.1, warmup_steps=5), total_steps=T, at=400
    ),
    "momentum": OneCycle(total_steps=T, init_value=0.95, peak_value=0.85),
}


@pytest.mark.parametrize("recipe", RECIPES)
def test_recipes_in_use_are_clean(recipe):
    assert lint(RECIPES[recipe], 90 if recipe == "ResNet" else T) == []


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from(["cosine", "linear", "polynomial", "wsd"]),
    st.integers(30, 20_000),
    st.integers(0, 20),
    st.floats(1e-6, 10.0),
    st.one_of(st.just(0.0), st.floats(1e-6, 0.5)),
)
def test_nothing_is_said_of_a_plan_that_fits_its_run(name, total_steps, warmup_steps, peak, part):
    schedule = build(
        name, total_steps=total_steps, peak_value=peak, warmup_steps=warmup_steps, end_value=part * peak
    )

    assert lint(schedule, total_steps) == []


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(sorted(RECIPES)), st.floats(1e-3, 1e3), st.integers(1, 1100))
def test_findings_do_not_depend_on_the_unit_of_the_value(recipe, by, total_steps):
    recipe = RECIPES[recipe]

    scaled = [finding.code for finding in lint(scale(recipe, by), total_steps)]
    assert scaled == codes(recipe, total_steps)


# what is probably not meant is found


LISTED = [1 - t / T for t in range(T)]


def linear_warmup_from_zero(step):
    return step / 100 if step < 100 else 1.0


@pytest.mark.parametrize(
    ("schedule", "total_steps", "expected", "step", "words"),
    [
        (
            build("cosine", total_steps=T, peak_value=0.1, warmup_steps=100, init_value=0),
            T,
            "zero-first",
            0,
            "first update has",
        ),
        (linear_warmup_from_zero, T, "zero-first", 0, "first update has"),
        (join(0.0, 0.0, 0.1, at=(1, 2)), T, "zero-first", 0, "the first 2 updates have"),
        (
            Linear(total_steps=900, peak_value=0.1),
            T,
            "zero-updates",
            900,
            "100 updates with the value 0 and no effect, the first at step 900",
        ),
        (Linear(total_steps=999, peak_value=0.1), T, "zero-updates", 999, "1 update with"),
        (Step(peak_value=0.1, step_size=400, gamma=0.0), T, "zero-updates", 400, "600 updates"),
        (Constant(peak_value=0.0), T, "zero-updates", 0, "all 1000 updates"),
        (
            lambda step: 1 - step / 800,
            T,
            "negative",
            801,
            "199 updates below 0, the first at step 801: -0.00125",
        ),
        (lambda step: math.nan if step == 7 else 0.1, T, "not-finite", 7, "the value at step 7 is nan"),
        (lambda step: math.inf, T, "not-finite", 0, "inf"),
        (
            build("cosine", total_steps=9000, peak_value=0.1, warmup_steps=1000),
            T,
            "warmup-long",
            None,
            "warm-up has 1000 steps and the run 1000",
        ),
        (
            WarmupStableDecay(total_steps=9000, peak_value=0.1, warmup_steps=2000),
            T,
            "warmup-long",
            None,
            "2000",
        ),
        (
            shift(build("linear", total_steps=9000, peak_value=0.1, warmup_steps=1010), 5),
            T,
            "warmup-long",
            None,
            "1005",
        ),
        (
            Cosine(total_steps=800, peak_value=0.1, end_value=0.01),
            T,
            "ends-early",
            800,
            "stays at 0.01 from step 800 on, the last 20%",
        ),
        (build("onecycle", total_steps=500, peak_value=0.1), T, "ends-early", 500, "the last 50%"),
        (Exponential(peak_value=0.1, gamma=0.95, end_value=0.001), T, "ends-early", 90, "the last 91%"),
        (clip(InverseTime(peak_value=0.1), low=0.001), T, "ends-early", 99, "the last 90%"),
        (
            Cosine(total_steps=2000, peak_value=0.1),
            T,
            "ends-late",
            999,
            "the schedule 2000: the last update is at 0.0500785, the planned end is 0",
        ),
        (build("wsd", total_steps=1100, peak_value=0.1), T, "ends-late", 999, "1100"),
        (lambda step: 0.5 + 0.5 * math.cos(math.pi * step / T), T, "rises-after-end", 1064, "goes up again"),
        (
            lambda step: LISTED[int(step)],
            T,
            "fails-after-end",
            T,
            "step 1000 has no value: list index out of range",
        ),
        (
            join(Ramp(peak_value=0.1, init_value=0.001, warmup_steps=200), shift(cosine, 200), at=200),
            T,
            "joint-jump",
            200,
            "jumps from 0.1 to 0.0904508 at step 200",
        ),
        (
            join(Linear(total_steps=T, peak_value=0.1), Linear(total_steps=500, peak_value=0.1), at=500),
            T,
            "joint-jump",
            500,
            "from 0.05 to 0.1",
        ),
        (join(warm(0.1), Constant(peak_value=0.01), at=20), T, "joint-jump", 20, "from 0.1 to 0.01"),
        (shift(join(warm(0.1, 100), Constant(peak_value=0.01), at=100), 50), T, "joint-jump", 50, ""),
        (join(0.1, shift(join(warm(0.1), 0.01, at=20), 20), at=100), T, "joint-jump", 100, ""),
    ],
)
def test_a_defect_is_found_where_it_is(schedule, total_steps, expected, step, words):
    found = [finding for finding in lint(schedule, total_steps) if finding.code == expected]

    assert len(found) == 1
    assert found[0].step == step
    assert words in found[0].message
    assert found[0].code in CODES
    assert str(found[0]) == f"{expected}: {found[0].message}"


def wsd(**settings):
    return WarmupStableDecay(**({"total_steps": T, "peak_value": 0.1} | settings))


@pytest.mark.parametrize(
    ("schedule", "field"),
    [
        (wsd(init_value=0.01), "init_value"),
        (wsd(warmup_shape="cosine"), "warmup_shape"),
        (wsd(decay_steps=0, decay_shape="cosine"), "decay_shape"),
        (wsd(init_value=0.0), "init_value"),
        (wsd(decay_steps=0, end_value=0.01), "end_value"),
        (wsd(decay_shape="constant", power=2.0), "power"),
        (OneCycle(total_steps=T, peak_value=0.1, warmup_steps=0, warmup_shape="cosine"), "warmup_shape"),
        (Exponential(peak_value=0.1, gamma=1.0, step_size=7), "step_size"),
        (Exponential(peak_value=0.1, gamma=0.9999, end_value=1e-9), "end_value"),
        (InverseTime(peak_value=0.1, rate=0.0, step_size=9), "step_size"),
        (MultiStep(peak_value=0.1, milestones=(), gamma=0.5), "gamma"),
        (MultiStep(peak_value=0.1, milestones=(2000,), gamma=0.5), "gamma"),
        (CosineRestarts(peak_value=0.1, cycle_steps=T, cycle_decay=0.5), "cycle_decay"),
        (Polynomial(total_steps=T, peak_value=0.1, end_value=0.1, power=2.0), "power"),
        (clip(cosine, low=0.0, high=0.5), "high"),
        (repeat(cosine, T, mult=2.0), "cycle_mult"),
        (cooldown(wsd(warmup_steps=9), at=T - 1, over=9, shape="cosine"), "decay_shape"),
        (scale(shift(join(0.1, wsd(warmup_shape="cosine"), at=5), 1), 3.0), "warmup_shape"),
        (every(wsd(warmup_steps=50, warmup_shape="cosine"), 100), "warmup_shape"),
    ],
)
def test_a_field_without_effect_is_found(schedule, field):
    assert field in [name for _, name in unused_fields(schedule, T)]
    assert any(f"{field}=" in f.message for f in lint(schedule, T) if f.code == "no-effect")


@pytest.mark.parametrize(
    "schedule",
    [
        wsd(warmup_steps=2, warmup_shape="cosine"),
        wsd(warmup_steps=2, init_value=0.0999),
        Step(peak_value=0.1, step_size=1, gamma=0.9),
        product(1.0, Exponential(peak_value=0.1, gamma=0.999)),  # twice gamma leaves the floats
        wsd(decay_steps=2, decay_shape="cosine", power=1.001),
        CosineRestarts(peak_value=0.1, cycle_steps=500, cycles=2, cycle_decay=0.999),
        OneCycle(total_steps=10**7, peak_value=0.1, decay_steps=3, end_value=0.005),
    ],
)
def test_a_field_with_the_smallest_effect_is_none(schedule):
    assert unused_fields(schedule, getattr(schedule, "total_steps", T)) == []


def test_every_place_in_a_tree_is_looked_at():
    odd, plain = wsd(warmup_shape="cosine"), wsd(end_value=0.01)

    for parts in ((odd, plain, plain), (plain, odd, plain), (plain, plain, odd)):
        assert unused_fields(product(*parts), T) == [(odd, "warmup_shape")]


def test_one_defect_is_one_finding():
    assert codes(Linear(total_steps=900, peak_value=0.1)) == ["zero-updates"]
    assert codes(Cosine(total_steps=800, peak_value=0.1, end_value=0.01)) == ["ends-early"]
    assert codes(lambda step: math.nan) == ["not-finite"]


def test_the_gravest_comes_first():
    plan = wsd(total_steps=2000, warmup_steps=1500, init_value=0.0, decay_steps=0, decay_shape="cosine")

    assert codes(plan) == ["zero-first", "warmup-long", "ends-late", "no-effect", "no-effect"]


@pytest.mark.parametrize("total_steps", [0, -3])
def test_a_run_has_at_least_one_update(total_steps):
    with pytest.raises(ValueError, match="total_steps must be a whole number >= 1"):
        lint(cosine, total_steps)


@pytest.mark.parametrize("schedule", [cosine, Constant(peak_value=0.1), get_lr])
def test_a_run_of_one_update_can_be_looked_at(schedule):
    assert set(codes(schedule, 1)) <= {"ends-late"}


def test_the_peak_that_only_measures_percentages_is_not_called_unused():
    points = {"steps": [0, "90%"], "values": ["100%", "10%"]}
    assert lint(build("piecewise", total_steps=100, peak_value=0.3, **points), 100) == []
