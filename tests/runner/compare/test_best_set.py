"""The set of the best, the regret, the corrected comparisons: numbers worked by hand, scipy as a peer."""

import itertools

import numpy as np
import pytest
from scipy import stats

from runner.compare.stats.asymmetry import is_asymmetric, skewness
from runner.compare.stats.best_set import best_set, may_be_best_p, pick
from runner.compare.stats.flips import signs
from runner.compare.stats.max_t import against, max_t
from runner.compare.stats.paired import differences, paired
from runner.compare.stats.regret import regret_bound, same_within, upper_bound

A = (0.50, 0.48, 0.52, 0.49, 0.51, 0.47)
B = (0.46, 0.45, 0.47, 0.46, 0.45, 0.44)
C = (0.47, 0.44, 0.49, 0.45, 0.46, 0.45)


def normal(arms, seeds, seed=0):
    return np.random.default_rng(seed).normal(size=(arms, seeds))


def test_the_oracle():
    assert may_be_best_p([A, B, C]).tolist() == [1 / 64, 61 / 64, 27 / 64]
    assert best_set([A, B, C]) == [1, 2]
    assert against([A, B, C], 0).tolist() == [1, 0.03125, 0.03125]
    assert max_t(paired([A, B, C]).scores[[0, 0, 1], [1, 2, 2]]).tolist() == [0.03125, 0.03125, 0.53125]
    assert regret_bound([A, B, C], 1) == pytest.approx(0.0078529, abs=1e-7)


def test_of_two_arms_it_is_scipys_one_sided_permutation_test():
    a, b = normal(2, 10, seed=3)
    peer = stats.permutation_test(
        (a, b), lambda x, y: np.mean(x - y), permutation_type="samples", alternative="greater"
    )
    assert may_be_best_p([a, b])[0] == pytest.approx(peer.pvalue)


def test_one_comparison_is_scipys_two_sided_permutation_test():
    a, b = normal(2, 9, seed=4)
    peer = stats.permutation_test((a, b), lambda x, y: np.mean(x - y), permutation_type="samples")
    assert against([a, b], 0)[1] == pytest.approx(peer.pvalue)


def test_seeds_won_are_scipys_sign_test():
    a = np.array([0.1, 0.2, 0.1, 0.3, np.inf, 0.2, 0.1, 0.2, 0.1])
    b = a + np.array([0.1, 0.1, 0.1, 0.1, 0, 0.1, 0.1, 0.1, -0.05])
    b[4] = 0.4  # a diverged there, which is worse than any loss
    assert paired([a, b]).by_wins[0, 1]
    peer = stats.binomtest(2, 9, alternative="less").pvalue
    assert may_be_best_p([b, a])[0] == pytest.approx(peer)


def test_the_maximum_is_over_rivals_under_signs_that_all_pairs_share():
    x = normal(3, 6, seed=5)
    d = x[0] - x
    norm = np.sqrt((d[1:] ** 2).sum(axis=1))
    every = [(np.array(s) * d[1:]).sum(axis=1) / norm for s in itertools.product((1, -1), repeat=6)]
    largest = np.max(every, axis=1)
    assert may_be_best_p(x)[0] == np.mean(largest >= largest[0] - 1e-9)


@pytest.mark.parametrize("change", [lambda x: 1e-6 * x, lambda x: x[:, ::-1], lambda x: x + x[0] ** 2])
def test_neither_units_nor_the_order_nor_what_seeds_share_matter(change):
    x = normal(4, 9)
    assert may_be_best_p(change(x)) == pytest.approx(may_be_best_p(x))
    assert pick(change(x)) == pick(x)


def test_a_missing_run_takes_its_seed_from_its_pairs_alone():
    x = normal(3, 8)
    x[2, 5] = np.nan
    kept = np.delete(x, 5, axis=1)
    assert regret_bound(x[[0, 2]], 0) == regret_bound(kept[[0, 2]], 0)
    assert paired(x).counts.tolist() == [[8, 8, 7], [8, 8, 7], [7, 7, 7]]
    assert np.isnan(differences(x)[0, 2, 5])


def test_ties_arms_without_common_seeds_and_single_arms_are_never_ruled_out():
    assert best_set([[1.0] * 8, [1.0] * 8]) == [0, 1]
    assert best_set([[1.0, np.nan], [np.nan, 0.1]]) == [0, 1]
    assert best_set([[1.0, 2.0]]) == [0]
    assert best_set([[np.inf] * 8, [np.inf] * 8]) == [0, 1]


@pytest.mark.parametrize("losses", [[1.0, 2.0], [[1.0, -np.inf]], []])
def test_what_is_no_table_of_losses_is_refused(losses):
    with pytest.raises(ValueError, match="losses must"):
        best_set(losses)


def test_drawn_signs_are_balanced_over_the_first_seeds_and_begin_with_what_was_seen():
    drawn = signs(30)
    patterns, counts = np.unique(drawn[:, :10], axis=0, return_counts=True)
    assert (len(patterns), set(counts)) == (1024, {10})
    assert drawn[0].tolist() == [1.0] * 30
    assert np.abs(drawn.mean(axis=0)).max() < 0.05
    assert len(np.unique(signs(12), axis=0)) == 4096


def test_drawn_signs_agree_with_students_test():
    x = normal(2, 40, seed=2)
    x[0] += 0.4
    assert may_be_best_p(x)[0] == pytest.approx(
        stats.ttest_rel(x[0], x[1], alternative="greater").pvalue, rel=0.25
    )


def test_skewness_is_scipys_and_asymmetry_is_called_by_two_standard_errors():
    d = np.random.default_rng(1).exponential(size=(5, 12))
    assert skewness(d) == pytest.approx(stats.skew(d, axis=1, bias=False))
    samples = np.random.default_rng(2).normal(size=(4000, 20))
    assert is_asymmetric(samples).mean() == pytest.approx(0.05, abs=0.015)
    assert is_asymmetric(np.random.default_rng(3).exponential(size=(500, 20))).mean() > 0.6


def test_a_bound_of_the_mean_is_students_and_of_the_median_an_order_statistic():
    d = normal(1, 8)[0]
    assert upper_bound(d, 0.05) == pytest.approx(
        stats.t.ppf(0.95, 7, loc=d.mean(), scale=d.std(ddof=1) / np.sqrt(8))
    )
    with_lost = np.array([1.0, 2, 3, 4, 5, 6, 7, np.inf])
    assert upper_bound(with_lost, 0.05) == 7.0  # P(Binomial(8, 1/2) >= 7) = 0.035
    assert upper_bound(with_lost, 0.01) == np.inf
    assert upper_bound([1.0], 0.05) == np.inf


def test_alike_within_is_the_larger_of_both_ways():
    assert same_within([A, B, C], [1, 2]) == pytest.approx(
        max(upper_bound(np.subtract(B, C), 0.025), upper_bound(np.subtract(C, B), 0.025))
    )
    assert same_within([A, A], [0, 1]) == 0.0
