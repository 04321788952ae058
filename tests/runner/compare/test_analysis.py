"""The answer in words, sweeps of one seed or one arm, and questions that are refused."""

import dataclasses
import json
import subprocess
import sys

import numpy as np
import pytest

from runner.errors import ConfigError

from .sweeps import EMPTY, about, ask, diverged, failed, losses, trained


def test_one_seed_has_no_intervals_and_claims_nothing():
    findings = ask(losses({"constant": [0.5], "cosine": [0.2]}))
    assert findings.standings[0].final_loss.low is None
    [difference] = findings.differences
    assert (difference.p, difference.smallest_p, difference.delta.low) == (1.0, 1.0, None)
    assert (difference.variance_ratio, difference.seeds_needed) == (None, 6)
    assert findings.decision.members == ["cosine", "constant"]
    assert findings.answer[0].startswith("No schedule stands out")
    assert about(findings.answer, "no bound")
    assert about(findings.answer, "With 1 seed no schedule can be ruled out at 5 %", "5 seeds could")


def test_one_arm_is_not_compared():
    findings = ask(losses({"cosine": [0.2, 0.3]}))
    assert (findings.differences, findings.decision.members) == ([], ["cosine"])
    assert about(findings.answer, "nothing is compared")


def test_a_sweep_in_which_everything_diverged_names_no_winner():
    line = "schedule=cosine,wsd optimizer.lr=3,10"
    runs = [diverged(arm, rate=r) for arm in ("cosine", "wsd") for r in (3.0, 10.0)]
    findings = ask(runs, overrides=line)
    assert findings.answer[0].startswith("No schedule trained")
    assert findings.decision is None
    assert "hydra.sweeper.extend=2" in about(findings.advice, "outward")


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
def test_the_answer_is_a_few_lines_with_rate_certainty_and_cost(count, arms):
    rng = np.random.default_rng(count)
    names = ["constant", "cosine", "wsd", "step", "linear"][:arms]
    runs = [
        losses({a: 0.2 + 0.1 * i + rng.normal(0, 0.05, count) for i, a in enumerate(names)}, rate=r)
        for r in (0.1, 0.3)
    ]
    findings = ask(*runs)
    assert 2 < len(findings.answer) < 7
    assert f"{findings.standings[0].arm}, at peak rate {findings.standings[0].rate:g}" in findings.answer[0]
    assert f"{2 * arms * count} run" in findings.answer[-1]
    assert ("worse (95 %)" in findings.answer[0]) == (len(findings.decision.members) < arms)


def test_the_analysis_needs_neither_torch_nor_mlflow():
    script = "import sys, runner.compare.analysis; print({'torch', 'mlflow'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def any_run(rng):
    """A run of any kind: finished, diverged, failed, killed, not ended, without evaluations."""
    arm = str(rng.choice(["constant", "cosine", "wsd model=cnn"]))
    where = {"rate": rng.choice([None, 0.03, 0.1, 0.3, 1.0]), "seed": int(rng.integers(4))}
    where["stage"] = str(rng.choice(["", "tune", "final"]))
    kind = rng.integers(8)
    if kind == 0:
        return diverged(arm, at=int(rng.integers(100)), **where)
    if kind == 1:
        return failed(arm, status=str(rng.choice(["FAILED", "KILLED", "RUNNING"])), **where)
    if kind == 2:
        return trained(arm, float(rng.choice([np.nan, np.inf, 9.0])), **where)
    if kind == 3:
        return trained(arm, 0.5, val_loss=EMPTY, val_accuracy=EMPTY, loss=EMPTY, lr=EMPTY, **where)
    return trained(arm, float(rng.choice([0.2, 0.3, rng.normal(0.4, 0.1)])), **where)


@pytest.mark.parametrize("seed", range(60))
def test_whatever_the_runs_are_the_findings_are_plain_finite_data(seed):
    rng = np.random.default_rng(seed)
    runs = [any_run(rng) for _ in range(rng.integers(1, 40))]
    try:
        findings = ask(runs)
    except ConfigError:
        assert not any(run.status == "FINISHED" and len(run.val_loss.values) for run in runs)
        assert not any(run.diverged_at is not None for run in runs)
        return
    json.dumps(dataclasses.asdict(findings), allow_nan=False)
    assert findings.ledger.runs == len(runs)
    if findings.decision is not None:
        assert findings.standings[0].arm == findings.decision.arm == findings.decision.members[0]
        assert set(findings.decision.members) <= {s.arm for s in findings.standings}
    for run in runs:  # nobody is dropped in silence
        counted = run.arm in {s.arm for s in findings.standings} and run.status == "FINISHED"
        assert counted or any(run.arm in line for line in findings.anomalies)
