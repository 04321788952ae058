"""The formulas that this project was asked for, each written out again and compared to 1e-12."""

import math

import pytest

import schedules

RELATIVE = 1e-12


def same(name, formula, steps, **settings):
    schedule = schedules.build(name, **settings)
    expected = [formula(t) for t in steps]

    assert [schedule(t) for t in steps] == pytest.approx(expected, rel=RELATIVE, abs=1e-300)


def test_constant():
    same("constant", lambda t: 0.1, range(0, 1000, 37), peak_value=0.1)


def test_step_decay():
    same(
        "step", lambda t: 0.1 * 0.3 ** math.floor(t / 30), range(200), peak_value=0.1, gamma=0.3, step_size=30
    )


@pytest.mark.parametrize(("epochs", "rate"), [((0, 29), 0.1), ((30, 59), 0.01), ((60, 89), 0.001)])
def test_step_decay_example(epochs, rate):
    schedule = schedules.build(
        "step", peak_value=0.1, gamma=0.1, step_size="30ep", horizon=schedules.Horizon(steps_per_epoch=7)
    )
    first, last = epochs

    assert [schedule(first * 7), schedule(last * 7 + 6)] == pytest.approx([rate] * 2, rel=RELATIVE)


def test_exponential_decay():
    same("exponential", lambda t: 0.1 * 0.95**t, range(300), peak_value=0.1, gamma=0.95)


def test_exponential_decay_continuous():
    same("exponential", lambda t: 0.1 * math.exp(-0.03 * t), range(300), peak_value=0.1, rate=0.03)


@pytest.mark.parametrize("power", [1, 2, 0.9])
def test_polynomial_decay(power):
    same(
        "polynomial",
        lambda t: 0.1 * (1 - t / 200) ** power,
        range(201),
        peak_value=0.1,
        total_steps=200,
        power=power,
    )


def cosine(t, total, low=1e-5, high=0.1):
    return low + 0.5 * (high - low) * (1 + math.cos(math.pi * t / total))


def test_cosine_annealing():
    same("cosine", lambda t: cosine(t, 200), range(201), peak_value=0.1, end_value=1e-5, total_steps=200)


def test_cosine_annealing_with_warm_restarts():
    def formula(t):
        length = 10
        while t >= length:
            t, length = t - length, 2 * length
        return cosine(t, length)

    same("cosine_restarts", formula, range(500), peak_value=0.1, end_value=1e-5, cycle_steps=10, cycle_mult=2)


def test_convergence_theorem_decay():
    same("inverse_time", lambda t: 0.5 / (1 + 0.1 * t), range(500), peak_value=0.5, rate=0.1)


@pytest.mark.parametrize(
    ("name", "settings", "after"),
    [
        ("constant", {}, lambda t: 0.1),
        ("linear", {"total_steps": 300}, lambda t: 0.1 * (1 - t / 250)),
        ("cosine", {"total_steps": 300}, lambda t: cosine(t, 250, low=0.0)),
        ("exponential", {"gamma": 0.99}, lambda t: 0.1 * 0.99**t),
    ],
)
def test_linear_warmup_in_front_of_any_schedule(name, settings, after):
    def formula(t):
        return 0.1 * t / 50 if t < 50 else after(t - 50)

    same(name, formula, range(300), peak_value=0.1, warmup_steps=50, init_value=0, **settings)


def test_warmup_and_cosine_decay_of_language_models():
    warmup, total, high, low = 2000, 100_000, 3e-4, 3e-5

    def formula(t):
        if t < warmup:
            return high * t / warmup
        return low + 0.5 * (high - low) * (1 + math.cos(math.pi * (t - warmup) / (total - warmup)))

    same(
        "cosine",
        formula,
        range(0, total + 1, 99),
        peak_value=high,
        end_value="10%",
        total_steps=total,
        warmup_steps=warmup,
        init_value=0,
    )


def warmup_cosine_schedule(step, warmup_steps=2000, total_steps=100000, min_lr_ratio=0.1):
    if step < warmup_steps:
        return step / warmup_steps
    progress = (step - warmup_steps) / (total_steps - warmup_steps)
    return min_lr_ratio + (1 - min_lr_ratio) * 0.5 * (1 + math.cos(math.pi * progress))


def test_warmup_cosine_schedule():
    same(
        "cosine",
        warmup_cosine_schedule,
        [*range(0, 100_001, 83), 1999, 2000, 2001],
        peak_value=1.0,
        end_value=0.1,
        total_steps=100_000,
        warmup_steps=2000,
        init_value=0,
    )


def get_lr(step, warmup_steps, total_steps, max_lr, min_lr):
    if step < warmup_steps:
        return max_lr * (step + 1) / warmup_steps
    if step < total_steps:
        decay_ratio = (step - warmup_steps) / (total_steps - warmup_steps)
        coeff = 0.5 * (1.0 + math.cos(math.pi * decay_ratio))
        return min_lr + coeff * (max_lr - min_lr)
    return min_lr


@pytest.mark.parametrize(("warmup", "total"), [(2000, 100_000), (1, 10), (10, 11), (7, 50)])
def test_get_lr(warmup, total):
    same(
        "wsd",
        lambda t: get_lr(t, warmup, total, 3e-4, 3e-5),
        [*range(0, total + 50, max(1, total // 997)), warmup - 1, warmup, total - 1, total],
        total_steps=total,
        peak_value=3e-4,
        init_value=3e-4 / warmup,
        warmup_steps=warmup - 1,
        decay_steps=total - warmup,
        end_value=3e-5,
        decay_shape="cosine",
    )


LOW, HIGH, FIRST, SECOND, TOTAL = 0.01, 0.1, 300, 700, 1000


def one_cycle(t, end):
    if t < FIRST:
        return LOW + (HIGH - LOW) * t / FIRST
    if t < SECOND:
        return HIGH - (HIGH - LOW) * (t - FIRST) / (SECOND - FIRST)
    return LOW + (end - LOW) * (t - SECOND) / (TOTAL - SECOND)


PHASES = {"total_steps": TOTAL, "warmup_steps": FIRST, "decay_steps": TOTAL - SECOND}


def test_one_cycle_by_its_formula_ends_at_zero():
    def formula(t):
        return LOW * (1 - (t - SECOND) / (TOTAL - SECOND)) if t >= SECOND else one_cycle(t, 0.0)

    same("onecycle", formula, range(TOTAL), peak_value=HIGH, init_value=LOW, end_value=0.0, **PHASES)
    assert schedules.build("onecycle", peak_value=HIGH, init_value=LOW, end_value=0, **PHASES)(TOTAL) == 0.0


def test_one_cycle_by_its_text_ends_at_a_tenth_of_low():
    same(
        "onecycle",
        lambda t: one_cycle(t, LOW / 10),
        range(TOTAL + 1),
        peak_value=HIGH,
        init_value=LOW,
        **PHASES,
    )


def test_one_cycle_momentum_is_high_when_the_rate_is_low():
    lr = schedules.build("onecycle", peak_value=HIGH, init_value=LOW, **PHASES)
    momentum = schedules.build("onecycle", peak_value=0.85, init_value=0.95, **PHASES)

    for t in range(SECOND):
        height = (lr(t) - LOW) / (HIGH - LOW)
        assert momentum(t) == pytest.approx(0.95 - 0.1 * height, rel=RELATIVE)
    assert [momentum(t) for t in (0, FIRST, SECOND, 850, TOTAL, 2 * TOTAL)] == [0.95, 0.85] + [0.95] * 4


def test_range_test_is_an_exponential_that_grows():
    start, end, steps = 1e-7, 10.0, 100
    mult = (end / start) ** (1 / steps)

    same("exponential", lambda t: start * mult**t, range(steps + 1), peak_value=start, gamma=mult)
