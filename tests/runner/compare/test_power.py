"""Seeds needed and what pairing saves: published numbers, and the power that is promised."""

import numpy as np
import pytest

from runner.compare.stats.power import fewest_seeds, pairing_ratio, seeds_needed
from runner.compare.stats.statistics import sign_flip_p, smallest_sign_flip_p


def test_pairing_ratio_is_that_of_the_two_variances():
    # standard deviations of paired and unpaired differences of two schedules over 4 seeds
    paired = [0.0019, 0.0096, 0.0098, 0.0089, 0.0040, 0.0097, 0.0034, 0.0073, 0.0066, 0.0041, 0.0028, 0.0059]
    apart = [0.0105, 0.0184, 0.0187, 0.0179, 0.0136, 0.0187, 0.0198, 0.0202, 0.0205, 0.0199, 0.0199, 0.0211]
    e, f = np.array([1, -1, 1, -1]) * np.sqrt(3) / 2, np.array([1, 1, -1, -1]) * np.sqrt(3) / 2
    ratios = []
    for p, u in zip(paired, apart, strict=True):
        common, own = np.sqrt(u**2 / 2 - p**2 / 4), p / 2  # var(a) + var(b) = u^2, var(a - b) = p^2
        ratios.append(pairing_ratio(common * e + own * f, common * e - own * f))
    assert ratios == pytest.approx([(u / p) ** 2 for p, u in zip(paired, apart, strict=True)])
    assert min(ratios) == pytest.approx(3.6, abs=0.1)
    assert max(ratios) == pytest.approx(50, abs=1)
    assert np.median(ratios) == pytest.approx(11, abs=0.7)
    assert pairing_ratio([1.0, 2.0, 4.0], [2.0, 3.0, 5.0]) is None


@pytest.mark.parametrize(("alpha", "seeds"), [(0.05, 6), (0.0625, 5), (0.01, 8), (0.05 / 15, 10)])
def test_fewest_seeds_are_the_first_that_can_reach_alpha(alpha, seeds):
    assert fewest_seeds(alpha) == seeds
    assert smallest_sign_flip_p(seeds) <= alpha < smallest_sign_flip_p(seeds - 1)


@pytest.mark.parametrize(("effect", "seeds"), [(1.0, 10), (0.5, 34), (0.2, 199)])
def test_seeds_needed_are_those_of_the_t_tests_power_tables(effect, seeds):
    assert seeds_needed(-effect, 1.0) == seeds  # Cohen 1988: 10, 33.4, 198.2 pairs for 80 %


def test_seeds_needed_are_never_too_few_for_any_p_to_be_small_enough():
    assert seeds_needed(1.0, 0.0) == 6
    assert seeds_needed(1.0, 0.01, alpha=0.05 / 5) == 8
    assert seeds_needed(1.0, 0.01, alpha=2**-40) == 41
    assert seeds_needed(0.0, 1.0) is None


@pytest.mark.parametrize(
    ("effect", "alpha"), [(2.0, 0.05), (1.4, 0.05), (1.2, 0.05), (1.0, 0.05 / 3), (0.8, 0.05)]
)
def test_seeds_needed_give_the_power_they_promise(effect, alpha):
    n = seeds_needed(effect, 1.0, alpha)
    samples = np.random.default_rng(7).normal(effect, 1.0, size=(400, n))
    found = np.mean([sign_flip_p(d) <= alpha for d in samples])
    assert 0.70 <= found <= 0.92
