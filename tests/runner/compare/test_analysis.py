"""The answer in words, sweeps of one seed or one arm, and questions that are refused."""

import subprocess
import sys

import numpy as np
import pytest

from runner.errors import ConfigError

from .sweeps import about, ask, diverged, failed, losses


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
