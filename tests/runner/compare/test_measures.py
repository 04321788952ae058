"""Tuning curves, sensitivity, time to target: published numbers and numbers worked by hand."""

import itertools

import numpy as np
import pytest

from runner.compare.stats.measures import (
    compute_saved,
    expected_best,
    expected_best_with_replacement,
    expected_running_time,
    improvement_probability,
    kaplan_meier_median,
    parabola_vertex,
    profile_scores,
    sensitivity,
)

LOSSES = [3.05, 2.98, 2.96, 2.97, 3.13]


def test_expected_best_without_replacement():
    assert expected_best(LOSSES)[[0, 1, 2, 4]] == pytest.approx([3.018, 2.976, 2.965, 2.96])


def test_expected_best_with_replacement():
    curve = expected_best_with_replacement(LOSSES)
    assert curve[[0, 1, 2, 4]] == pytest.approx([3.018, 2.9844, 2.9724, 2.964797], abs=1e-6)


@pytest.mark.parametrize("k", [1, 2, 3, 4, 5])
def test_expected_best_are_the_means_over_all_draws(k):
    subsets = [min(s) for s in itertools.combinations(LOSSES, k)]
    tuples = [min(s) for s in itertools.product(LOSSES, repeat=k)]
    assert expected_best(LOSSES)[k - 1] == pytest.approx(np.mean(subsets))
    assert expected_best_with_replacement(LOSSES)[k - 1] == pytest.approx(np.mean(tuples))


def test_sensitivity_counts_no_rate_worse_than_not_training():
    losses = [2.50, 2.30, 2.20, 7.00]
    assert sensitivity(losses, initial_loss=3.0) == pytest.approx((0.30 + 0.10 + 0.0 + 0.80) / 4)
    assert sensitivity([2.0, 2.0], initial_loss=3.0) == 0.0


def test_the_vertex_is_found_in_log_rate():
    best = 3.13e-3
    rates = np.array([5e-4, 1e-3, 2e-3])  # the vertex lies beyond them: extrapolated
    assert parabola_vertex(rates, 2.95 + 0.02 * np.log(rates / best) ** 2) == pytest.approx(best)
    uneven = np.array([1e-3, 2e-3, 2e-2])
    assert parabola_vertex(uneven, 2.95 + 0.02 * np.log(uneven / best) ** 2) == pytest.approx(best)


@pytest.mark.parametrize("losses", [[1.0, 2.0, 3.0], [1.0, 2.0, 1.0], [1.0, 1.0, 1.0]])
def test_without_a_valley_there_is_no_vertex(losses):
    assert parabola_vertex([0.1, 1.0, 10.0], losses) is None


def test_expected_running_time_spends_the_failures_too():
    assert expected_running_time([100, 150, 200, 300], [True, True, False, False]) == 375
    assert expected_running_time([200, 300], [False, False]) is None


REMISSION = "6 6 6 6+ 7 9+ 10 10+ 11+ 13 16 17+ 19+ 20+ 22 23 25+ 32+ 32+ 34+ 35+"
PLACEBO = "1 1 2 2 3 4 4 5 5 8 8 8 8 11 11 12 12 15 17 22 23"


@pytest.mark.parametrize(("weeks", "median"), [(REMISSION, 23), (PLACEBO, 8)])
def test_kaplan_meier_on_the_trial_that_textbooks_use(weeks, median):  # Freireich et al. 1963
    each = weeks.split()
    assert kaplan_meier_median([int(w.strip("+")) for w in each], ["+" not in w for w in each]) == median


def test_kaplan_meier_with_runs_that_miss_the_target():
    assert kaplan_meier_median([100, 150, 300, 300], [True, True, False, False]) == 150
    assert kaplan_meier_median([100, 300, 300], [True, False, False]) is None
    assert kaplan_meier_median([300, 300], [False, False]) is None


def test_profile_scores():
    times = [[100, 200, 50], [120, 150, 100], [400, np.inf, 60]]
    assert profile_scores(times) == pytest.approx([0.962963, 0.866667, 0.311111], abs=1e-6)
    assert profile_scores([[np.inf, 10], [np.inf, 10]]).tolist() == [0.5, 0.5]


def test_profile_scores_are_areas_under_the_profile():
    times = np.random.default_rng(0).uniform(1, 6, size=(3, 40))
    taus = np.linspace(1, 4, 30_001)
    ratio = times / times.min(axis=0)
    areas = [np.trapezoid((r[:, None] <= taus).mean(axis=0), taus) / 3 for r in ratio]
    assert profile_scores(times) == pytest.approx(areas, abs=1e-4)


def test_improvement_probability_counts_ties_half():
    assert improvement_probability([1, 2, 3, 4], [2, 2.5, 3.5, 5]) == 0.65625
    assert improvement_probability([1, 1], [1, 1]) == 0.5


def test_compute_saved():
    short, long = (35_000, 3.0018), (50_000, 2.9660)
    assert (short[1] - long[1]) / np.log(long[0] / short[0]) == pytest.approx(0.100372, abs=1e-6)
    assert compute_saved(2.9513, short, long) == pytest.approx(0.136, abs=5e-4)
    assert compute_saved(long[1], short, long) == 0.0
    assert compute_saved(short[1], short, long) == pytest.approx(1 - 50 / 35)
    with pytest.raises(ValueError, match="lower loss"):
        compute_saved(2.9, short, (50_000, 3.1))
