"""Differences paired by seed, and the decision that they come to."""

import numpy as np
import pytest

from runner.compare.stats.statistics import t_test

from .sweeps import about, ask, by_arm, diverged, losses

SHIFTS = np.array([0.012, 0.008, 0.015, 0.002, 0.010, 0.011, 0.009, 0.013])
SEEDS = np.array([0.50, 0.61, 0.40, 0.55, 0.70, 0.45, 0.52, 0.66])


def test_differences_are_paired_by_seed_and_corrected_together():
    findings = ask(losses({"constant": SEEDS, "cosine": SEEDS - SHIFTS, "step": SEEDS[::-1]}))
    cosine = by_arm(findings.differences)["cosine"]
    assert cosine.baseline == "constant"
    assert cosine.delta.mean == pytest.approx(-SHIFTS.mean())
    assert (cosine.p, cosine.smallest_p) == (2 / 2**8, 2 / 2**8)  # however many comparisons there are
    assert (cosine.verdict, cosine.seeds_needed) == ("better", None)
    assert cosine.delta.low < -SHIFTS.mean() < cosine.delta.high < 0
    assert cosine.variance_ratio > 100
    assert 0.5 < cosine.improvement < 0.7  # runs overlap, though every pair agrees
    assert by_arm(findings.differences)["step"].verdict == "not told apart"
    assert findings.answer[0].startswith("cosine, at peak rate 0.1")


def test_pairs_do_not_depend_on_the_order_of_the_runs():
    runs = losses({"constant": SEEDS, "cosine": SEEDS - SHIFTS})
    assert ask(runs).differences == ask(runs[::-1]).differences


def test_an_interval_that_excludes_nought_is_no_verdict():
    findings = ask(losses({"constant": SEEDS[:5], "cosine": SEEDS[:5] - SHIFTS[:5]}))
    [cosine] = findings.differences
    assert t_test(-SHIFTS[:5])[1] < 0.05
    assert cosine.delta.high < 0
    assert (cosine.p, cosine.smallest_p, cosine.verdict) == (0.0625, 0.0625, "not told apart")


def test_an_asked_for_baseline_is_corrected_for_all_pairs():
    rng = np.random.default_rng(0)
    table = {arm: SEEDS + rng.normal(0, 0.01, 8) for arm in ("constant", "cosine", "step", "wsd")}
    table["wsd"] -= 0.012
    p = by_arm(ask(losses(table)).differences)["wsd"].p
    findings = ask(losses(table), baseline="constant")
    assert by_arm(findings.differences)["wsd"].p > p
    assert about(findings.anomalies, "named after the sweep", "all pairs")


def test_standings_and_differences_agree_where_pairs_are_missing():
    # constant lacks the hard seeds: its own mean is the lowest, but under the same seeds it is worse
    easy = np.array([0.1, 0.12, 0.11, 0.13, 0.12, 0.1, 0.11, 0.12, 1.5, 1.6])
    shifts = np.tile([0.03, 0.05], 4)
    runs = [losses({"constant": easy[:8]}), losses({"cosine": np.append(easy[:8] - shifts, easy[8:])})]
    findings = ask(*runs)
    assert [s.arm for s in findings.standings] == ["cosine", "constant"]
    assert by_arm(findings.standings)["cosine"].final_loss.mean > 0.3
    assert by_arm(findings.standings)["constant"].behind.mean == pytest.approx(0.04)
    assert findings.answer[0] == "cosine, at peak rate 0.1; the other is worse (95 %)."


def test_lopsided_differences_are_judged_by_the_seeds_won():
    table = {"constant": SEEDS, "cosine": SEEDS - [0.001, 0.002, 0.001, 0.002, 0.001, 0.002, 0.001, 0.3]}
    findings = ask(losses(table))
    assert findings.differences[0].by_wins
    assert findings.decision.by_wins == ["constant"]
    assert about(findings.answer, "judged by the seeds each won", "median run")


def test_a_diverged_run_is_worse_than_any_and_does_not_hide_who_is_better():
    runs = losses({"constant": SEEDS, "cosine": SEEDS - 10 * SHIFTS})
    findings = ask(
        [r for r in runs if (r.arm, r.seed) != ("cosine", 3)], diverged("cosine", seed=3, rate=0.1)
    )
    cosine = by_arm(findings.standings)["cosine"]
    assert (cosine.lost, cosine.final_loss.count) == (1, 7)
    assert findings.decision.arm == "cosine"
    assert about(findings.answer, "Of cosine, 1 of 8 runs diverged")
    assert findings.decision.loses_at_most is None or findings.decision.loses_at_most < 1.0


def test_unequal_tuning_on_the_judged_seeds_is_never_called_a_win():
    findings = ask(
        losses({"constant": SEEDS}),
        *[losses({"cosine": SEEDS - k * SHIFTS}, rate=k / 10) for k in (1, 2, 3)],
    )
    assert set(findings.decision.members) == {"constant", "cosine"}
    assert {d.verdict for d in findings.differences} == {"not told apart"}
    assert about(findings.answer, "more settings to choose from")


def test_without_a_common_seed_nothing_is_claimed():
    findings = ask(losses({"constant": SEEDS}), losses({"cosine": SEEDS - 0.3}, first_seed=100))
    [difference] = findings.differences
    assert (difference.delta.count, difference.p, difference.verdict) == (0, 1.0, "not told apart")
    assert difference.delta.mean == pytest.approx(-0.3)
    assert about(findings.anomalies, "Missing pairs", "0 pairs left")
