"""What a run counts for: diverged, failed, unfinished, repeated; and the time to a target."""

import numpy as np
import pytest

from runner.compare.model import Curve

from .sweeps import BEFORE, EMPTY, about, ask, by_arm, diverged, failed, losses, trained


def test_diverged_runs_count_as_the_loss_before_training():
    findings = ask(
        losses({"cosine": [0.2, 0.3]}, rate=0.1),
        [trained("cosine", 0.1, rate=1.0, seed=0), diverged("cosine", rate=1.0, seed=1)],
        losses({"wsd": [0.4, 0.4]}, rate=0.1),
    )
    response = by_arm(findings.responses)["cosine"]
    assert response.means == pytest.approx([0.25, (0.1 + BEFORE) / 2])
    assert (response.best_rate, response.diverged, response.counts) == (0.1, [0, 1], [2, 2])
    assert (findings.ledger.diverged, findings.ledger.failed, findings.ledger.finished) == (1, 0, 5)
    assert findings.ledger.steps == 5 * 100 + 13
    assert about(findings.anomalies, "cosine lr=1", "1 of 2 runs diverged", "at step 12", "2.300")
    assert by_arm(findings.standings)["cosine"].diverged == 1


def test_a_diverged_run_without_a_first_loss_counts_as_the_largest_of_the_sweep():
    other = Curve(np.array([0.0]), np.array([2.9]))
    findings = ask(
        trained("a", 0.2, loss=other), diverged("b", at=0, loss=Curve(np.array([0.0]), np.array([np.nan])))
    )
    assert by_arm(findings.standings)["b"].final_loss.mean == 2.9


def test_a_diverged_run_keeps_what_it_reached_before():
    before = Curve(np.array([50.0]), np.array([0.3]))
    lost = diverged("a", at=60, val_loss=before)
    [standing] = ask(lost, trained("a", 0.2, seed=1), target=0.35).standings
    assert (standing.final_loss.mean, standing.final_loss.count, standing.lost) == (0.2, 1, 1)
    assert standing.best_loss.mean == pytest.approx(0.25)
    assert standing.final_accuracy.mean == pytest.approx(0.45)
    assert (standing.reached, standing.expected_steps) == (1.0, 75.0)


def test_a_last_evaluation_that_is_not_finite_is_a_divergence():
    lost = trained("a", 0.2, val_loss=Curve(np.array([50.0, 100.0]), np.array([0.3, np.inf])))
    findings = ask(lost, trained("b", 0.5))
    assert by_arm(findings.standings)["a"].final_loss.mean == BEFORE
    assert findings.ledger.diverged == 1


@pytest.mark.parametrize(
    ("status", "words"), [("FAILED", "failed"), ("KILLED", "killed"), ("RUNNING", "not ended")]
)
def test_runs_without_a_result_are_named_and_not_counted(status, words):
    findings = ask(
        losses({"cosine": [0.2, 0.3], "constant": [0.4, 0.4, 0.4]}), failed("cosine", seed=2, status=status)
    )
    cosine = by_arm(findings.standings)["cosine"]
    assert (cosine.final_loss.count, cosine.final_loss.mean, cosine.runs) == (2, 0.25, 3)
    assert about(findings.anomalies, "cosine lr=0.1", words, "seed 2", "out of memory", "Not counted")
    assert about(findings.anomalies, "Missing pairs", "cosine lr=0.1", "seed 2", "2 pairs left")
    assert f"1 {words}" in findings.answer[-1]
    assert findings.ledger.steps == 5 * 100 + 30


def test_a_finished_run_without_an_evaluation_is_named():
    findings = ask(trained("a", 0.2), trained("a", 0.2, seed=1, val_loss=EMPTY))
    assert about(findings.anomalies, "without an evaluation", "seed 1")


def test_an_arm_whose_runs_all_failed_is_named_and_left_out():
    findings = ask(losses({"cosine": [0.2, 0.3]}), failed("wsd"))
    assert [s.arm for s in findings.standings] == ["cosine"]
    assert about(findings.anomalies, "wsd: no run finished")


def test_runs_of_one_seed_count_once():
    twice = [trained("a", 0.2, seed=0), trained("a", 0.4, seed=0), trained("a", 0.5, seed=1)]
    findings = ask(twice)
    assert (findings.standings[0].final_loss.count, findings.standings[0].final_loss.mean) == (2, 0.4)
    assert about(findings.anomalies, "1 run more than seeds")


def test_unequal_tuning_and_another_length_are_said():
    findings = ask(
        *[losses({"cosine": [0.2, 0.3]}, rate=r) for r in (0.1, 0.3, 1.0)],
        [trained("wsd", 0.4, seed=s, total_steps=200) for s in (0, 1)],
    )
    assert about(findings.anomalies, "Not compared", "wsd", "200 steps", "6 runs of 100 steps")
    findings = ask(
        *[losses({"cosine": [0.2, 0.3]}, rate=r) for r in (0.1, 0.3, 1.0)],
        losses({"wsd": [0.4, 0.4]}),
    )
    assert about(findings.anomalies, "Unequal tuning", "cosine 3", "wsd 1")


def test_arms_that_ended_the_same_are_suspected_to_be_the_same():
    findings = ask(losses({"cosine": [0.2, 0.3], "linear": [0.2, 0.3], "wsd": [0.4, 0.4]}))
    assert about(findings.anomalies, "linear ended exactly as cosine")
    assert by_arm(findings.differences)["linear"].p == 1.0


def test_time_to_target_counts_the_runs_that_miss_it():
    runs = [trained("cosine", x, seed=s) for s, x in enumerate((0.2, 0.2, 0.7, 0.9))]
    [standing] = ask(runs, target=0.7).standings
    assert standing.reached == 0.75
    assert standing.expected_steps == pytest.approx((50 + 50 + 100 + 100) / 3)
    assert standing.median_steps == 50
    [never] = ask(runs, target=0.1).standings
    assert (never.reached, never.expected_steps, never.median_steps) == (0.0, None, None)


def test_the_default_target_is_the_worst_mean_of_the_arms_that_trained():
    findings = ask(
        losses({"cosine": [0.2, 0.4], "wsd": [0.5, 0.6]}), [diverged("step", seed=s) for s in (0, 1)]
    )
    assert findings.question.target == pytest.approx(0.55)
