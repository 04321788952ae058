"""Decays over a planned length, and runs of several phases, against published numbers."""

import math

import pytest

import schedules
from schedules import (
    Hyperbolic,
    Infinite,
    Rex,
    SlantedTriangular,
    Tanh,
    WarmupStableDecay,
    WarmupStableDecaySimplified,
)


@pytest.mark.parametrize(("power", "k"), [(1.0, 1.0), (0.5, 1.0), (2.0, 1.0), (1.0, 1.5), (3.0, 0.7)])
def test_cosine_and_polynomial_take_powers_of_both_sides(power, k):
    fields = {"total_steps": 90, "peak_value": 0.3, "end_value": 0.02, "power": power, "k_decay": k}
    cosine, polynomial = schedules.Cosine(**fields), schedules.Polynomial(**fields)

    for t in range(90):
        u = (t / 90) ** k
        half = (1 + math.cos(math.pi * u)) / 2
        assert cosine(t) == pytest.approx(0.02 + 0.28 * half**power, rel=1e-12)
        assert polynomial(t) == pytest.approx(0.02 + 0.28 * (1 - u) ** power, rel=1e-12)


@pytest.mark.parametrize(
    ("schedule", "formula"),
    [
        (
            schedules.Exponential(peak_value=1.0, gamma=0.5, step_size=10, end_value=0.1),
            lambda t: max(0.1, 0.5 ** (t / 10)),
        ),
        (
            schedules.Exponential(peak_value=1.0, rate=0.2, step_size=3, end_value=0.1),
            lambda t: max(0.1, math.exp(-0.2 * t / 3)),
        ),
        (
            schedules.InverseTime(peak_value=1.0, rate=0.3, step_size=2, end_value=0.1),
            lambda t: max(0.1, 1 / (1 + 0.3 * t / 2)),
        ),
    ],
)
def test_decays_without_an_end_stop_at_their_floor_on_their_knot(schedule, formula):
    (knot,) = schedule.knots(1000)

    assert [schedule(t) for t in range(200)] == pytest.approx([formula(t) for t in range(200)], rel=1e-12)
    assert schedule(knot) == 0.1 < schedule(knot - 1)


def test_exactly_one_of_gamma_and_rate_is_given():
    for fields in ({}, {"gamma": 0.9, "rate": 0.1}):
        with pytest.raises(ValueError, match="exactly one of gamma and rate must be given"):
            schedules.Exponential(peak_value=1.0, **fields)


def test_slanted_triangular_has_its_published_numbers():
    """Howard & Ruder 2018: T = 100, cut at a tenth, ratio 32."""
    s = SlantedTriangular(total_steps=100, peak_value=0.01)

    assert [s(t) for t in (0, 5, 10, 50, 99, 100)] == pytest.approx(
        [0.0003125, 0.00515625, 0.01, 0.0056944444, 0.0004201389, 0.0003125], abs=5e-11
    )


def test_slanted_triangular_is_the_formula_of_the_paper():
    total, part, ratio = 200, 0.1, 32
    cut = math.floor(total * part)
    s = SlantedTriangular(total_steps=total, peak_value=0.01)

    for t in range(total + 1):
        p = t / cut if t < cut else 1 - (t - cut) / (cut * (1 / part - 1))
        assert s(t) == pytest.approx(0.01 * (1 + p * (ratio - 1)) / ratio, rel=1e-9)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"ratio": 0.5}, r"ratio must be a number >= 1, got 0\.5"),
        ({"warmup_steps": 11}, "warmup_steps must be <= total_steps, got 11 > 10"),
    ],
)
def test_slanted_triangular_refuses(fields, message):
    with pytest.raises(ValueError, match=message):
        SlantedTriangular(total_steps=10, peak_value=1.0, **fields)


def test_infinite_is_the_formula_of_the_paper():
    """Ibrahim et al. 2024: warm-up, cosine to the plateau, plateau, geometric anneal."""
    peak, plateau, end = 3e-4, 1.65e-4, 3e-5
    warm, cool, hold, anneal = 100, 500, 1000, 300
    s = Infinite(
        total_steps=warm + cool + hold + anneal,
        peak_value=peak,
        warmup_steps=warm,
        cooldown_steps=cool,
        decay_steps=anneal,
        init_value=0.0,
        plateau_value=plateau,
        end_value=end,
    )
    for t in range(0, 2000, 7):
        if t < warm:
            expected = peak * t / warm
        elif t < warm + cool:
            expected = plateau + (peak - plateau) / 2 * (math.cos(math.pi * (t - warm) / cool) + 1)
        elif t < warm + cool + hold:
            expected = plateau
        else:
            expected = plateau * (end / plateau) ** min(1.0, (t - warm - cool - hold) / anneal)
        assert s(t) == pytest.approx(expected, rel=1e-12)


def test_infinite_without_an_anneal_stays_on_its_plateau():
    s = Infinite(total_steps=100, peak_value=1.0, warmup_steps=0, cooldown_steps=100, decay_steps=0)

    assert [s(t) for t in (0, 50, 100, 10_000)] == pytest.approx([1.0, 0.75, 0.5, 0.5])


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"cooldown_steps": 90}, r"warmup_steps \+ cooldown_steps \+ decay_steps must be <= total_steps"),
        ({"end_value": 0.0}, "end_value must be > 0 with the shape 'exponential'"),
    ],
)
def test_infinite_refuses(fields, message):
    with pytest.raises(ValueError, match=message):
        Infinite(total_steps=100, peak_value=1.0, **fields)


def test_rex_has_its_published_numbers():
    s = Rex(total_steps=10, peak_value=1.0)

    assert [s(5), s(9)] == pytest.approx([0.6666667, 0.1818182], abs=5e-8)


def test_tanh_reaches_the_unstretched_numbers():
    """Hsueh et al. 2018 and timm: (1 - tanh(-7 (1 - u) + 3 u)) / 2."""

    def formula(u):
        return (1 - math.tanh(-7 * (1 - u) + 3 * u)) / 2

    s = Tanh(total_steps=100, peak_value=formula(0), end_value=formula(1), lower=-7, upper=3)

    assert s(50) == pytest.approx(0.98201379, abs=5e-9)
    assert [s(t) for t in range(101)] == pytest.approx([formula(t / 100) for t in range(101)], rel=1e-12)


def test_tanh_ends_are_exact():
    s = Tanh(total_steps=10, peak_value=0.3, end_value=0.07)

    assert [s(-1), s(0), s(10), s(11)] == [0.3, 0.3, 0.07, 0.07]


@pytest.mark.parametrize(
    ("lower", "upper", "message"),
    [
        (1, 3, "lower must be a number <= 0"),
        (-6, -1, "upper must be a number >= 0"),
        (0, 0, "upper must be > lower"),
    ],
)
def test_tanh_goes_through_zero(lower, upper, message):
    with pytest.raises(ValueError, match=message):
        Tanh(total_steps=10, peak_value=1.0, lower=lower, upper=upper)


def test_hyperbolic_has_its_published_numbers():
    """Kim 2024, arXiv:2407.15200: N = 100, U = 250, 1e-2 towards 1e-4."""
    s = Hyperbolic(total_steps=100, upper_steps=250, peak_value=1e-2, infimum_value=1e-4)

    assert [s(0), s(50), s(100)] == pytest.approx([0.01, 0.00731859, 0.00208], abs=5e-9)


def test_hyperbolic_reaches_its_infimum_only_at_the_upper_bound():
    s = Hyperbolic(total_steps=250, upper_steps=250, peak_value=1e-2, infimum_value=1e-4)

    assert s(250) == pytest.approx(1e-4, rel=1e-12)
    with pytest.raises(ValueError, match="upper_steps must be >= total_steps, got 249 < 250"):
        Hyperbolic(total_steps=250, upper_steps=249, peak_value=1.0)


def test_wsd_s_with_one_cycle_is_wsd():
    ours = WarmupStableDecaySimplified(
        total_steps=100,
        peak_value=0.3,
        warmup_steps=7,
        decay_fraction=0.3,
        end_value=0.02,
        decay_shape="cosine",
    )
    theirs = WarmupStableDecay(
        total_steps=100, peak_value=0.3, warmup_steps=7, decay_steps=30, end_value=0.02, decay_shape="cosine"
    )

    assert schedules.values(ours, 120).tolist() == schedules.values(theirs, 120).tolist()


def test_wsd_s_finishes_a_model_at_every_milestone_and_goes_on_at_the_peak():
    """Wen et al. 2024, arXiv:2410.05192: budgets of 12.5, 25 and 50, a tenth of each decays on 1 / value."""
    s = schedules.build(
        "wsd_s",
        total_steps=500,
        peak_value=0.1,
        milestones=[125, "50%"],
        warmup_steps=5,
        decay_fraction=0.1,
        end_value="10%",
        decay_shape="inverse",
    )

    assert [s(t) for t in (5, 113, 125, 238, 250, 475, 500, 900)] == [0.1] * 6 + [0.01] * 2
    assert s(124) == pytest.approx(1 / (1 / 12 / 0.1 + 11 / 12 / 0.01))
    assert s(495) == pytest.approx(0.0121951220, abs=5e-11)  # 0.8 of the way


def test_wsd_s_may_climb_back():
    s = WarmupStableDecaySimplified(
        total_steps=40, peak_value=1.0, milestones=(20,), rewarmup_steps=4, decay_fraction=0.5, end_value=0.2
    )

    assert [s(t) for t in (20, 22, 24, 30, 35, 40)] == pytest.approx([0.2, 0.6, 1.0, 1.0, 0.6, 0.2])


def test_wsd_s_parts_are_exact():
    s = WarmupStableDecaySimplified(total_steps=100, peak_value=1.0, decay_fraction=0.29)

    assert 71 in s.knots(100)
    assert 0.29 * 100 < 29


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"milestones": (50, 50)}, "milestones must rise and be < total_steps"),
        ({"milestones": (100,)}, "milestones must rise and be < total_steps"),
        ({"warmup_steps": 95}, r"warmup_steps and the decay must fit into every cycle, got 95 \+ 10 > 100"),
        ({"milestones": (90,), "rewarmup_steps": 10}, "rewarmup_steps and the decay must fit into every"),
        ({"decay_shape": "inverse"}, "end_value must be > 0 with the shape 'inverse'"),
    ],
)
def test_wsd_s_refuses(fields, message):
    with pytest.raises(ValueError, match=message):
        WarmupStableDecaySimplified(total_steps=100, peak_value=1.0, **fields)
