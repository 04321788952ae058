"""What a sweep says: rates, pairs, groups, anomalies, advice and the answer, on sweeps worked by hand."""

import shlex
import subprocess
import sys

import numpy as np
import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from runner.compare.analysis import analyse
from runner.compare.model import Curve, Question
from runner.compare.pairs import groups
from runner.compare.statistics import t_test
from runner.errors import ConfigError

from .sweeps import BEFORE, EMPTY, diverged, failed, losses, sweep, trained


def ask(*runs, overrides="", **question):
    return analyse(sweep(*runs, overrides=overrides), Question(**question))


def by_arm(items):
    return {item.arm: item for item in items}


def about(lines, *words):
    """The one line that has all of the words."""
    [line] = [each for each in lines if all(word in each for word in words)]
    return line


# --- which rate ---------------------------------------------------------------------------------------


def test_each_arm_stands_at_the_rate_with_the_lowest_mean():
    findings = ask(
        losses({"cosine": [0.5, 0.6], "wsd": [0.3, 0.3]}, rate=0.1),
        losses({"cosine": [0.2, 0.3], "wsd": [0.5, 0.5]}, rate=0.3),
        losses({"cosine": [0.4, 0.4], "wsd": [0.6, 0.6]}, rate=1.0),
    )
    response = by_arm(findings.responses)["cosine"]
    assert (response.rates, response.best_rate, response.edge) == ([0.1, 0.3, 1.0], 0.3, "")
    assert response.means == pytest.approx([0.55, 0.25, 0.4])
    assert (response.lows, response.highs) == ([0.5, 0.2, 0.4], [0.6, 0.3, 0.4])
    assert 0.3 < response.vertex < 1.0
    assert response.sensitivity == pytest.approx((0.30 + 0.0 + 0.15) / 3)
    assert findings.tuning["cosine"] == pytest.approx([0.4, 0.3, 0.25])
    assert [(s.arm, s.rate) for s in findings.standings] == [("cosine", 0.3), ("wsd", 0.1)]
    assert by_arm(findings.responses)["wsd"].edge == "low"
    assert by_arm(findings.responses)["wsd"].vertex is None


@pytest.mark.parametrize(
    ("order", "edge", "further"), [((1, 2, 3), "low", "0.0111,0.0333"), ((3, 2, 1), "high", "2.7,8.1")]
)
def test_a_best_rate_at_the_end_is_an_edge_with_advice_to_go_on_outward(order, edge, further):
    runs = [losses({"cosine": [x, x]}, rate=r) for x, r in zip(order, (0.1, 0.3, 0.9), strict=True)]
    findings = ask(*runs, overrides="schedule=cosine optimizer.lr=0.1,0.3,0.9 seed=0,1 trainer.epochs=5")
    assert findings.responses[0].edge == edge
    assert "EDGE" in about(findings.anomalies, "cosine", "best peak rate")
    line = about(findings.advice, "outward")
    assert f"schedule=cosine optimizer.lr={further} seed=0,1 trainer.epochs=5  (4 runs" in line
    assert "last one tried" in about(findings.answer, "against")


def test_one_rate_is_no_edge_but_other_rates_are_advised():
    findings = ask(losses({"cosine": [0.2, 0.3], "wsd": [0.3, 0.5]}))
    assert [r.edge for r in findings.responses] == ["", ""]
    assert not [a for a in findings.anomalies if "EDGE" in a]
    assert "schedule=cosine,wsd optimizer.lr=0.0333,0.3 seed=0,1 " in about(findings.advice, "one peak rate")
    assert "every schedule ran at one peak rate only" in " ".join(findings.answer)


def test_arms_without_a_rate_are_compared_and_have_no_response():
    findings = ask(
        [trained(arm, x, rate=None, seed=s) for arm, x in (("a", 0.2), ("b", 0.3)) for s in (0, 1)]
    )
    assert (findings.responses, findings.tuning) == ([], {})
    assert [s.rate for s in findings.standings] == [None, None]


def test_final_runs_on_fresh_seeds_are_reported_and_tuning_runs_choose():
    findings = ask(
        losses({"cosine": [0.20, 0.22], "wsd": [0.4, 0.4]}, rate=0.1, stage="tune"),
        losses({"cosine": [0.50, 0.50], "wsd": [0.3, 0.3]}, rate=0.3, stage="tune"),
        losses({"cosine": [0.25, 0.27, 0.29]}, rate=0.1, stage="final", first_seed=2),
        losses({"wsd": [0.35, 0.38, 0.36]}, rate=0.3, stage="final", first_seed=2),
    )
    cosine = by_arm(findings.standings)["cosine"]
    assert (cosine.rate, cosine.fresh, cosine.runs) == (0.1, True, 7)
    assert (cosine.final_loss.count, cosine.final_loss.mean) == (3, pytest.approx(0.27))
    assert by_arm(findings.responses)["cosine"].means == pytest.approx([0.21, 0.5])
    assert findings.differences[0].delta.count == 3
    assert not [a for a in findings.anomalies if "flatters" in a]


def test_the_same_seeds_for_choice_and_report_are_said():
    runs = [losses({"cosine": [0.2, 0.3], "wsd": [0.3, 0.5]}, rate=r) for r in (0.1, 0.3)]
    findings = ask(*runs)
    assert not any(s.fresh for s in findings.standings)
    assert "every schedule" in about(findings.anomalies, "flatters")
    assert "chosen on the same seeds" in about(findings.answer, "against")


def test_final_runs_on_the_seeds_of_the_choice_are_not_fresh():
    runs = [losses({"cosine": [0.2, 0.3]}, rate=r, stage="tune") for r in (0.1, 0.3)]
    findings = ask(*runs, losses({"cosine": [0.2, 0.3, 0.2]}, rate=0.1, stage="final"))
    assert not findings.standings[0].fresh


def test_final_runs_at_another_rate_are_reported_and_said():
    findings = ask(
        losses({"cosine": [0.2]}, rate=0.1, stage="tune"),
        losses({"cosine": [0.3]}, rate=0.3, stage="tune"),
        losses({"cosine": [0.4]}, rate=0.3, stage="final", first_seed=5),
    )
    assert (findings.standings[0].rate, findings.standings[0].final_loss.mean) == (0.3, 0.4)
    assert "lr=0.3" in about(findings.anomalies, "lowest at lr=0.1")


# --- what a run counts for ----------------------------------------------------------------------------


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
    assert standing.final_loss.mean == pytest.approx((BEFORE + 0.2) / 2)
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


def test_unequal_tuning_and_unequal_length_are_said():
    findings = ask(
        *[losses({"cosine": [0.2, 0.3]}, rate=r) for r in (0.1, 0.3, 1.0)],
        [trained("wsd", 0.4, seed=s, total_steps=200) for s in (0, 1)],
    )
    assert about(findings.anomalies, "Unequal tuning", "cosine 3", "wsd 1")
    assert about(findings.anomalies, "Unequal length", "cosine 100", "wsd 200")


def test_arms_that_ended_the_same_are_suspected_to_be_the_same():
    findings = ask(losses({"cosine": [0.2, 0.3], "linear": [0.2, 0.3], "wsd": [0.4, 0.4]}))
    assert about(findings.anomalies, "linear ended exactly as cosine")
    assert by_arm(findings.differences)["linear"].p == 1.0


# --- differences and groups ---------------------------------------------------------------------------

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


def test_too_few_seeds_for_any_claim_are_said_with_how_many_would_do():
    table = {"constant": SEEDS[:5], "cosine": SEEDS[:5] - SHIFTS[:5], "wsd": SEEDS[:5] - 2 * SHIFTS[:5]}
    findings = ask(losses(table), overrides="schedule=constant,cosine,wsd seed=range(0,5) model=cnn")
    assert about(findings.answer, "5 paired seeds", "however large", "7 seeds could")
    assert not [line for line in findings.answer if "beyond chance" in line]
    line = about(findings.advice, "7 seeds are needed")
    assert (
        "python -m runner -m schedule=constant,wsd,cosine optimizer.lr=0.1 'seed=range(5,12)' model=cnn"
        in line
    )
    assert "(21 runs, about 42 seconds of training)" in line


def test_advised_overrides_are_what_hydra_takes():
    findings = ask(
        losses({"constant": [0.5] * 3, "cosine": [0.4, 0.41, 0.42]}), overrides="schedule=constant,cosine"
    )
    line = about(findings.advice, "are needed").split(": ", 1)[1].split("  (")[0]
    parsed = OverridesParser.create().parse_overrides(shlex.split(line)[4:])
    swept = {
        o.get_key_element(): list(o.sweep_string_iterator()) if o.is_sweep_override() else [o.value()]
        for o in parsed
    }
    assert swept["schedule"] == ["constant", "cosine"]
    assert swept["seed"] == [str(s) for s in range(3, 9)]


def test_arms_with_more_than_a_schedule_keep_their_overrides_in_the_advice():
    arms = {"constant model=cnn": [0.5, 0.52], "cosine model=cnn": [0.4, 0.45]}
    [line] = [a for a in ask(losses(arms)).advice if "needed" in a]
    assert "schedule=constant,cosine model=cnn optimizer.lr=0.1 'seed=range(2,8)'" in line


def test_a_difference_that_is_hopeless_to_settle_is_said_to_be():
    noise = np.array([1.0, -1.0, 1.0, -1.0, 1.0, -0.99]) * 0.1
    findings = ask(losses({"constant": SEEDS[:6], "cosine": SEEDS[:6] + noise}))
    assert findings.differences[0].seeds_needed is None
    assert about(findings.advice, "more than 1000 seeds", "not be worth it")


def test_groups_hold_what_cannot_be_told_apart():
    rng = np.random.default_rng(0)
    common = rng.normal(0, 0.1, 12)
    table = {arm: m + common + rng.normal(0, 0.01, 12) for arm, m in {"a": 0.2, "b": 0.204, "c": 0.4}.items()}
    findings = ask(losses(table), baseline="c")
    assert sorted(map(sorted, findings.groups)) == [["a", "b"], ["c"]]
    assert findings.groups[1] == ["c"]
    best, second = findings.groups[0]
    assert about(findings.answer, f"{best} cannot be told apart from {second}; c ended higher beyond chance")
    assert about(findings.advice, f"To tell {best} from {second}")


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


# --- target -------------------------------------------------------------------------------------------


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


# --- small and empty sweeps ---------------------------------------------------------------------------


def test_one_seed_has_no_intervals_and_claims_nothing():
    findings = ask(losses({"constant": [0.5], "cosine": [0.2]}))
    assert findings.standings[0].final_loss.low is None
    [difference] = findings.differences
    assert (difference.p, difference.smallest_p, difference.delta.low) == (1.0, 1.0, None)
    assert (difference.variance_ratio, difference.seeds_needed) == (None, 6)
    assert findings.groups == [["cosine", "constant"]]
    assert about(findings.answer, "no interval")
    assert about(findings.answer, "1 paired seed", "6 seeds could")


def test_one_arm_is_not_compared():
    findings = ask(losses({"cosine": [0.2, 0.3]}))
    assert (findings.differences, findings.groups) == ([], [["cosine"]])
    assert about(findings.answer, "nothing is compared")


def test_a_sweep_in_which_everything_diverged_names_no_winner():
    findings = ask([diverged(arm, rate=r) for arm in ("cosine", "wsd") for r in (3.0, 10.0)])
    assert findings.answer[0].startswith("No schedule trained")
    assert "optimizer.lr=0.27,0.9" in about(findings.advice, "outward")


def test_a_sweep_without_any_result_is_refused_with_the_reason():
    with pytest.raises(
        ConfigError, match=r"must have a finished run, got 'sweep' with 2 runs: 2 failed.*out of memory"
    ):
        ask(failed("cosine"), failed("wsd"))
    with pytest.raises(ConfigError, match="0 runs"):
        ask()


def test_the_baseline_is_constant_else_the_first_else_what_is_asked():
    table = {"cosine": [0.2], "constant model=mlp": [0.4], "constant model=cnn": [0.3]}
    assert ask(losses(table)).question.baseline == "constant model=cnn"
    assert ask(losses({"wsd": [0.2], "cosine": [0.1]})).question.baseline == "wsd"
    assert ask(losses(table), baseline="cosine").question.baseline == "cosine"


@pytest.mark.parametrize(
    ("question", "message"),
    [
        ({"baseline": "cosin"}, "did you mean 'cosine'"),
        ({"baseline": "wsd"}, "with a finished run"),
        ({"alpha": 0.0}, "alpha must be"),
        ({"alpha": 1.0}, "alpha must be"),
        ({"target": np.nan}, "target must be"),
    ],
)
def test_questions_that_cannot_be_answered_are_refused(question, message):
    with pytest.raises(ConfigError, match=message):
        ask(losses({"cosine": [0.2, 0.3]}), failed("wsd"), **question)


# --- the answer ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [1, 2, 5, 8, 12])
@pytest.mark.parametrize("arms", [1, 2, 5])
def test_the_answer_is_three_to_six_sentences_with_rate_certainty_and_cost(count, arms):
    rng = np.random.default_rng(count)
    names = ["constant", "cosine", "wsd", "step", "linear"][:arms]
    runs = [
        losses({a: 0.2 + 0.1 * i + rng.normal(0, 0.05, count) for i, a in enumerate(names)}, rate=r)
        for r in (0.1, 0.3)
    ]
    findings = ask(*runs)
    assert 3 <= len(findings.answer) <= 6
    assert f"{findings.standings[0].arm} at peak rate {findings.standings[0].rate:g}" in findings.answer[0]
    assert f"{2 * arms * count} run" in findings.answer[-1]
    claims = any("beyond chance" in line and "none" not in line for line in findings.answer)
    settled = any(d.verdict != "not told apart" for d in findings.differences) or len(findings.groups) > 1
    assert claims <= settled


def test_the_analysis_needs_neither_torch_nor_mlflow_nor_hydra():
    script = "import sys, runner.compare.analysis; print({'torch', 'mlflow', 'hydra'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
