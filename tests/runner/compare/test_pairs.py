"""Differences paired by seed, and groups that cannot be told apart."""

import numpy as np
import pytest

from runner.compare.pairs import groups
from runner.compare.stats.statistics import t_test

from .sweeps import about, ask, by_arm, losses

SHIFTS = np.array([0.012, 0.008, 0.015, 0.002, 0.010, 0.011, 0.009, 0.013])
SEEDS = np.array([0.50, 0.61, 0.40, 0.55, 0.70, 0.45, 0.52, 0.66])


def test_differences_are_paired_by_seed_and_corrected_together():
    findings = ask(losses({"constant": SEEDS, "cosine": SEEDS - SHIFTS, "step": SEEDS[::-1]}))
    cosine = by_arm(findings.differences)["cosine"]
    assert cosine.baseline == "constant"
    assert cosine.delta.mean == pytest.approx(-SHIFTS.mean())
    assert (cosine.p, cosine.smallest_p, cosine.p_holm) == (2 / 2**8, 2 / 2**8, 4 / 2**8)
    assert (cosine.verdict, cosine.seeds_needed) == ("better", None)
    assert cosine.delta.low < -SHIFTS.mean() < cosine.delta.high < 0
    assert cosine.variance_ratio > 100
    assert 0.5 < cosine.improvement < 0.7  # runs overlap, though every pair agrees
    assert by_arm(findings.differences)["step"].verdict == "not told apart"
    assert "better, beyond chance" in about(findings.answer, "baseline constant")


def test_pairs_do_not_depend_on_the_order_of_the_runs():
    runs = losses({"constant": SEEDS, "cosine": SEEDS - SHIFTS})
    assert ask(runs).differences == ask(runs[::-1], baseline="constant").differences


def test_an_interval_that_excludes_nought_is_no_verdict():
    findings = ask(losses({"constant": SEEDS[:5], "cosine": SEEDS[:5] - SHIFTS[:5]}))
    [cosine] = findings.differences
    assert t_test(-SHIFTS[:5])[1] < 0.05
    assert cosine.delta.high < 0
    assert (cosine.p, cosine.smallest_p, cosine.verdict) == (0.0625, 0.0625, "not told apart")


def test_groups_hold_what_cannot_be_told_apart():
    rng = np.random.default_rng(0)
    common = rng.normal(0, 0.1, 12)
    table = {arm: m + common + rng.normal(0, 0.01, 12) for arm, m in {"a": 0.2, "b": 0.204, "c": 0.4}.items()}
    findings = ask(losses(table), baseline="c")
    assert sorted(map(sorted, findings.groups)) == [["a", "b"], ["c"]]
    assert findings.groups[1] == ["c"]
    best, second = findings.groups[0]
    assert about(findings.answer, f"{best} cannot be told apart from {second}; c ended higher beyond chance")
    assert about(findings.advice, f"To tell {second} from {best}", "schedule=a,b ")


@pytest.mark.parametrize(
    ("apart", "expected"),
    [
        ([], ["abcd"]),
        (["ad"], ["abc", "bcd"]),
        (["ac", "ad", "bd"], ["ab", "bc", "cd"]),
        (["ab", "ac", "ad", "bc", "bd", "cd"], ["a", "b", "c", "d"]),
        (["bc"], ["abd", "acd"]),
    ],
)
def test_groups_are_the_largest_sets_without_a_pair_told_apart(apart, expected):
    assert groups(list("abcd"), {frozenset(pair) for pair in apart}) == [list(each) for each in expected]


def test_without_a_common_seed_nothing_is_claimed():
    findings = ask(losses({"constant": SEEDS}), losses({"cosine": SEEDS - 0.3}, first_seed=100))
    [difference] = findings.differences
    assert (difference.delta.count, difference.p, difference.verdict) == (0, 1.0, "not told apart")
    assert difference.delta.mean == pytest.approx(-0.3)
    assert about(findings.anomalies, "Missing pairs", "0 pairs left")
