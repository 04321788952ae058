"""Tests and intervals: published numbers, numbers worked by hand, and scipy as a peer."""

import itertools

import numpy as np
import pytest
from scipy import stats

from runner.compare.stats.statistics import (
    DRAWS,
    EXACT_UP_TO,
    holm,
    mean_interval,
    nemenyi_difference,
    sign_flip_p,
    smallest_sign_flip_p,
    t_test,
)

DIFFERENCES = (0.012, 0.008, 0.015, -0.002, 0.010)


def scaled(count, mean, deviation, seed=0):
    """So many numbers with exactly this mean and standard deviation."""
    x = np.random.default_rng(seed).normal(size=count)
    return mean + deviation * (x - x.mean()) / x.std(ddof=1)


def test_paired_t_interval_and_p():
    assert t_test(DIFFERENCES) == pytest.approx((2.974372, 0.040966), abs=1e-6)
    mean, low, high = mean_interval(DIFFERENCES)
    assert (mean, low, high) == pytest.approx((0.0086, 0.000572, 0.016628), abs=1e-6)


def test_one_sided_against_a_target():
    losses = scaled(80, 3.2791425, 0.00191025)
    t, p = t_test(losses, 3.28, below=True)
    assert t == pytest.approx(-4.01503, abs=1e-4)
    assert p == pytest.approx(6.72e-5, rel=1e-3)
    assert mean_interval(losses)[1:] == pytest.approx((3.278717, 3.279568), abs=1e-6)


@pytest.mark.parametrize("level", [0.9, 0.95, 0.99])
def test_an_interval_holds_the_mean_as_often_as_it_says(level):
    samples = np.random.default_rng(1).normal(3.0, 0.5, size=(4000, 5))
    held = [low <= 3.0 <= high for _, low, high in (mean_interval(x, level) for x in samples)]
    assert np.mean(held) == pytest.approx(level, abs=4 * np.sqrt(level * (1 - level) / 4000))


def test_sign_flip_p_is_exact():
    assert sign_flip_p(DIFFERENCES) == 0.125
    assert stats.wilcoxon(DIFFERENCES, method="exact").pvalue == 0.125


@pytest.mark.parametrize("count", [1, 2, 5, 9])
def test_sign_flip_p_is_the_fraction_of_all_assignments(count):
    d = np.random.default_rng(count).normal(0.5, 1.0, count)
    sums = [abs(np.dot(signs, d)) for signs in itertools.product((-1, 1), repeat=count)]
    assert sign_flip_p(d) == np.mean([s >= abs(d.sum()) - 1e-12 for s in sums])
    assert sign_flip_p(-d) == sign_flip_p(d) == sign_flip_p(d[::-1] * 1e-6)


def test_sign_flip_p_agrees_with_scipys_permutation_test():
    a, b = np.random.default_rng(3).normal(size=(2, 10))
    peer = stats.permutation_test((a, b), lambda x, y: np.mean(x - y), permutation_type="samples")
    assert sign_flip_p(a - b) == pytest.approx(peer.pvalue)


@pytest.mark.parametrize(("pairs", "p"), [(5, 0.0625), (6, 0.03125), (8, 0.0078125)])
def test_the_smallest_p_is_reached_when_all_differences_agree(pairs, p):
    assert smallest_sign_flip_p(pairs) == p
    assert sign_flip_p(np.linspace(1.0, 2.0, pairs)) == p
    assert smallest_sign_flip_p(0) == sign_flip_p([0.3]) == 1.0


def test_differences_that_are_all_nought_say_nothing():
    assert sign_flip_p(np.zeros(8)) == 1.0


def test_many_pairs_are_drawn_and_give_the_same_each_time():
    d = np.random.default_rng(0).normal(0.35, 1.0, EXACT_UP_TO + 10)
    p = sign_flip_p(d)
    assert p == sign_flip_p(d)
    assert p == pytest.approx(t_test(d)[1], rel=0.1)
    assert sign_flip_p(np.ones(60)) == smallest_sign_flip_p(60) == 1 / (1 + DRAWS)


def test_exact_and_drawn_agree(monkeypatch):
    d = np.random.default_rng(5).normal(0.6, 1.0, 14)
    exact = sign_flip_p(d)
    monkeypatch.setattr("runner.compare.stats.statistics.EXACT_UP_TO", 10)
    assert sign_flip_p(d) == pytest.approx(exact, abs=4 * np.sqrt(exact / DRAWS))


def test_holm():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.7]).tolist() == [1.0, 1.0]
    assert holm([]).tolist() == []


@pytest.mark.parametrize(("arms", "difference"), [(3, 1.048135), (5, 1.928828), (8, 3.320161)])
def test_nemenyi(arms, difference):
    assert nemenyi_difference(arms, 10) == pytest.approx(difference, abs=2e-6)


@pytest.mark.parametrize("values", [[], [1.0, np.nan], [[1.0]]])
def test_what_is_no_sample_is_refused(values):
    with pytest.raises(ValueError, match="values must be"):
        sign_flip_p(values)


def test_a_single_value_has_no_interval():
    with pytest.raises(ValueError, match="at least 2"):
        mean_interval([1.0])
    with pytest.raises(ValueError, match="must differ"):
        t_test([1.0, 1.0])
