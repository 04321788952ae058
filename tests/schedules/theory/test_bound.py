"""The bound against its double sum, closed forms, finite differences and real subgradient descent."""

import numpy as np
import pytest

import schedules
from schedules.theory import (
    best_scale,
    bound,
    bound_curve,
    gradient,
    noise_at,
    noisy_quadratic,
    transfer_table,
)


def double_sum(rates, distance, norms):
    """The bound as it was published, in O(T^2)."""
    squares = rates**2 * norms**2
    found = (distance**2 + squares.sum()) / (2 * rates.sum())
    for k in range(len(rates) - 1):
        found += rates[k] / rates[k + 1 :].sum() * squares[k:].sum() / rates[k:].sum() / 2
    return found


@pytest.mark.parametrize("seed", range(5))
def test_bound_is_the_published_double_sum(seed):
    random = np.random.default_rng(seed)
    rates, norms = random.uniform(0.01, 1, 300), random.uniform(0.1, 2, 300)
    assert bound(rates, 1.7, norms) == pytest.approx(double_sum(rates, 1.7, norms), rel=1e-12)


def test_bound_of_constant_and_linear_in_closed_form():
    total, rate = 500, 0.03
    harmonic = np.sum(1 / np.arange(1, total))
    assert bound(np.full(total, rate), 2.0, 0.5) == pytest.approx(
        4 / (2 * rate * total) + rate * 0.25 / 2 * (1 + harmonic), rel=1e-12
    )
    linear = rate * (total - np.arange(total)) / total
    expected = 4 / (rate * (total + 1)) + rate * 0.25 / 2 * (2 - 1 / total + 2 * harmonic / total)
    assert bound(linear, 2.0, 0.5) == pytest.approx(expected, rel=1e-12)


CASES = [
    ("linear", {}, 0.049563130691, 0.100629865436),
    ("wsd", {"decay_steps": 400, "decay_shape": "one_minus_sqrt"}, 0.073797056192, 0.101242596936),
    ("cosine", {}, 0.048241886844, 0.103385905867),
    ("wsd", {}, 0.025373661417, 0.109323012489),
]


@pytest.mark.parametrize(("name", "settings", "scale", "least"), CASES)
def test_best_scale_of_known_schedules(name, settings, scale, least):
    schedule = schedules.build(name, total_steps=400, peak_value=1.0, **settings)
    found = best_scale(schedules.values(schedule, 400))
    assert (found.scale, found.bound) == (pytest.approx(scale, abs=1e-12), pytest.approx(least, abs=1e-12))


def test_best_scale_of_constant_and_inverse_square_root():
    constant, inverse = best_scale(np.ones(400)), best_scale(1 / np.sqrt(np.arange(1, 401)))
    assert (constant.scale, constant.bound) == (pytest.approx(0.018175895078), pytest.approx(0.137544808073))
    assert (inverse.scale, inverse.bound) == (pytest.approx(0.212085581604), pytest.approx(0.122264273251))


def test_best_scale_at_the_lengths_of_the_paper():
    for total, cosine, wsd in ((22_000, 0.00654437, 0.00346722), (44_000, 0.00462783, 0.00245223)):
        for name, expected in (("cosine", cosine), ("wsd", wsd)):
            rates = schedules.values(schedules.build(name, total_steps=total, peak_value=1.0), total)
            assert best_scale(rates).scale == pytest.approx(expected, rel=2e-6)


def test_cooldown_shapes_are_ordered_as_published():
    shapes = {
        "one_minus_sqrt": ({"decay_shape": "one_minus_sqrt"}, 0.033658),
        "linear": ({}, 0.034212),
        "square": ({"power": 2.0}, 0.034272),
        "cosine": ({"decay_shape": "cosine"}, 0.034678),
    }
    found = {}
    for name, (settings, expected) in shapes.items():
        schedule = schedules.build("wsd", total_steps=4000, peak_value=1.0, **settings)
        found[name] = best_scale(schedules.values(schedule, 4000)).bound
        assert found[name] == pytest.approx(expected, abs=1e-6)
    assert sorted(found, key=found.get) == list(shapes)


@pytest.mark.parametrize("factor", [2.0, 4.0, 10.0])
def test_a_wrong_scale_costs_the_same_whatever_the_schedule(factor):
    for rates in (np.ones(50), np.linspace(1, 0.02, 50)):
        best = best_scale(rates)
        cost = bound(factor * best.scale * rates) / best.bound
        assert cost == pytest.approx((factor + 1 / factor) / 2, rel=1e-12)


def test_gradient_agrees_with_finite_differences():
    random = np.random.default_rng(3)
    rates, norms = random.uniform(0.1, 1, 40), random.uniform(0.5, 2, 40)
    nudges = 1e-6 * np.eye(40)
    expected = [(bound(rates + n, 1.3, norms) - bound(rates - n, 1.3, norms)) / 2e-6 for n in nudges]
    assert gradient(rates, 1.3, norms) == pytest.approx(np.array(expected), abs=1e-7)


@pytest.mark.parametrize("name", ["cosine", "wsd", "linear", "cosine_restarts"])
def test_bound_curve_is_the_bound_of_every_beginning(name):
    settings = {"cycle_steps": 1000} if name == "cosine_restarts" else {}
    rates = schedules.values(schedules.build(name, total_steps=5000, peak_value=0.1, **settings), 5000)
    curve = bound_curve(rates, 1.3, 0.7)
    for step in (1, 2, 63, 64, 65, 999, 1001, 2500, 4990, 4999, 5000):
        assert curve[step - 1] == pytest.approx(bound(rates[:step], 1.3, 0.7), rel=1e-12)


def test_bound_curve_survives_rates_that_span_many_orders_of_magnitude():
    rates = np.geomspace(1.0, 1e-14, 3000)
    curve = bound_curve(rates)
    assert all(curve[t - 1] == pytest.approx(bound(rates[:t]), rel=1e-12) for t in range(1, 3001, 37))


def test_rates_of_zero_move_nothing():
    rates = [0.0, 1.0, 0.0, 0.5, 0.25, 0.0]
    assert bound(rates) == bound([1.0, 0.5, 0.25])
    assert noise_at(rates, [6]) == noise_at([1.0, 0.5, 0.25], [3])
    assert bound_curve(rates)[[0, 1, 2, 5]] == pytest.approx(
        [np.inf, bound([1.0]), bound([1.0]), bound(rates)]
    )
    assert gradient(rates)[[0, 2, 5]].tolist() == [0.0, 0.0, 0.0]


def test_transfer_table_halves_the_peak_of_wsd():
    shapes = {
        name: schedules.build("wsd", total_steps=10_000, peak_value=2.0, decay_steps=decay)
        for name, decay in (("wsd10", 1000), ("wsd20", 2000), ("wsd40", 4000))
    }
    cosine = schedules.build("cosine", total_steps=10_000, peak_value=0.1)
    table = {row.name: row.peak_ratio for row in transfer_table({"cosine": cosine} | shapes, 10_000)}
    assert table == pytest.approx({"cosine": 1.0, "wsd10": 0.475, "wsd20": 0.530, "wsd40": 0.626}, abs=1e-3)


@pytest.mark.parametrize("rates", [[], [0.0], [-1.0, 1.0], [np.nan], [[1.0]]])
def test_rates_that_are_none_are_refused(rates):
    with pytest.raises(ValueError, match="rates must"):
        bound(rates)


def test_lengths_that_differ_are_refused():
    with pytest.raises(ValueError, match="as many as rates, got 2 for 3"):
        bound([1.0, 1.0, 1.0], gradient_norms=[1.0, 1.0])
    with pytest.raises(ValueError, match="steps must be from 1 to 3"):
        noise_at([1.0, 1.0, 1.0], [4])


@pytest.mark.parametrize("name", ["constant", "linear", "cosine", "wsd"])
def test_descent_on_a_quadratic_never_ends_above_the_bound(name):
    random = np.random.default_rng(0)
    settings = {} if name == "constant" else {"total_steps": 200}
    shape = schedules.values(schedules.build(name, peak_value=1.0, **settings), 200)
    for _ in range(20):
        curvature = random.uniform(0.001, 1, 5)
        for peak in (0.05, 0.3, 1.0):
            point = random.normal(size=5)
            distance, norms, losses = float(np.linalg.norm(point)), [], []
            for rate in peak * shape:
                slope = curvature * point
                norms.append(float(np.linalg.norm(slope)))
                losses.append(float(curvature @ point**2) / 2)
                point = point - rate * slope
            # the theorem is about the point that each update leaves from
            curve = bound_curve(peak * shape, distance, np.array(norms))
            assert (np.array(losses) <= curve).all()


@pytest.mark.parametrize(
    ("name", "loss"),
    [("linear", 0.009477623332), ("cosine", 0.008643721453), ("wsd", 0.018060183315)],
)
def test_a_noisy_quadratic_ends_where_it_should(name, loss):
    rates = schedules.values(schedules.build(name, total_steps=200, peak_value=0.5), 200)
    curvature = np.array([1.0, 0.1, 0.01])
    assert noisy_quadratic(rates, curvature, curvature / 2)[-1] == pytest.approx(loss, abs=1e-12)


def test_a_noisy_quadratic_settles_at_its_steady_state():
    curvature = np.array([1.0, 0.1, 0.01])
    steady = 0.25 * curvature / 2 / (1 - (1 - 0.5 * curvature) ** 2)
    assert steady == pytest.approx([0.1666666667, 0.1282051282, 0.1253132832])
    losses = noisy_quadratic(np.full(5000, 0.5), curvature, curvature / 2)
    assert losses[-1] == pytest.approx(curvature @ steady / 2)
