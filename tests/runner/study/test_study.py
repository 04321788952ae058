"""A study: what its file may say, what is found on one workload, and what is said over several."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from runner.compare.model import Curve, Trained
from runner.errors import ConfigError
from runner.study.command import main
from runner.study.gather import judge
from runner.study.manifest import LAPTOP, Claim, Study, Workload, keep, read
from runner.study.report import written
from runner.study.verdicts import FAILS, HOLDS, OPEN, on_all, sentence, take

SCHEDULES = ["constant", "cosine", "step"]
NOISE = np.random.default_rng(1).normal(scale=0.01, size=(3, 8))


def run(arm, loss, seed, stage="final", at=None):
    evaluations, steps = np.array([50.0, 100.0]), np.array([0.0, 99.0])
    return Trained(
        run_id=f"{arm} {seed} {stage}", name=arm, status="FINISHED" if at is None else "FAILED", arm=arm,
        rate=0.1, seed=seed, total_steps=100, seconds=1.0, stage=stage, diverged_at=at,
        val_loss=Curve(evaluations, np.array([loss + 0.5, loss])), val_accuracy=Curve(steps[:0], steps[:0]),
        loss=Curve(steps, np.array([2.3, loss])), lr=Curve(steps[:0], steps[:0]),
    )  # fmt: skip


def result(name, *means, noise=NOISE):
    workload = Workload(name=name, about="a task", overrides=["model=mlp"], rates=[0.1])
    runs = [run(a, m, 0, "tune") for a, m in zip(SCHEDULES, means, strict=True)]
    for arm, mean, row in zip(SCHEDULES, means, noise, strict=True):
        runs += [run(arm, mean + float(each), 1 + seed) for seed, each in enumerate(row)]
    return judge(workload, SCHEDULES, runs, 0.05)


def test_the_laptops_study_asks_for_schedules_and_recipes_that_there_are():
    study, conf = read(LAPTOP), Path(__file__).parents[3] / "conf"
    assert len(study.workloads) == 7
    assert all((conf / "schedule" / f"{name}.yaml").is_file() for name in study.schedules)
    recipes = [w.overrides[0].removeprefix("experiment=") for w in study.workloads]
    assert sorted(recipes) == sorted(file.stem for file in (conf / "experiment").glob("*.yaml"))
    assert study.fresh_seeds == 7


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("schedules = [", "must be a TOML file"),
        ("schedules = ['a', 'b']", "must describe a study"),
        ("schedules = ['a']\nsweep = []\n[workloads]", "at least two schedules and one workload"),
        ("schedules = ['a', 'b']\nsweep = []\nworkloads.x = {about = ''}", "must describe a study"),
        (
            "schedules = ['cosine', 'step']\nsweep = []\nworkloads.x = {about = '', overrides = [],"
            " rates = []}\nclaims = [{schedule = 'cosin', use = '', workloads = ['x']}]",
            "must name a schedule of the study, got 'cosin'.*cosine",
        ),
    ],
)
def test_a_file_that_is_no_study_is_refused(tmp_path, text, message):
    (tmp_path / "mine.toml").write_text(text)
    with pytest.raises(ConfigError, match=message):
        read(tmp_path / "mine.toml")


def test_a_folder_keeps_to_one_study_but_for_what_is_claimed(tmp_path):
    study = Study(schedules=["a", "b"], sweep=[], workloads=[])
    keep(study, tmp_path)
    keep(replace(study, claims=[Claim(schedule="a", use="all", workloads=[])]), tmp_path)
    with pytest.raises(ConfigError, match="--out must be a new folder"):
        keep(replace(study, schedules=["a", "c"]), tmp_path)


def test_wrong_options_and_an_empty_folder_are_refused(tmp_path):
    with pytest.raises(ConfigError, match="--alpha must be"):
        main(["--alpha", "2"])
    with pytest.raises(ConfigError, match="must hold a sweep that has ended"):
        main(["--report", "--out", str(tmp_path)])


def test_a_workload_rules_out_what_is_worse_and_bounds_what_is_lost():
    found = result("a", 0.5, 0.3, 0.301)
    assert set(found.decision.members) == {"cosine", "step"}
    assert found.at_most[0] > 0.18
    assert all(bound < 0.02 for bound in found.at_most[1:])
    assert found.steps[1] == 100
    assert found.cost.runs == 27


def test_a_diverged_run_counts_as_worse_than_any_other():
    lost = np.where(np.arange(8) < 7, np.inf, 0.0)
    noise = np.stack([NOISE[0], NOISE[1], NOISE[2]])
    runs = [run("constant", 0.3 + float(e), s) for s, e in enumerate(noise[0])]
    runs += [run("cosine", 0.4 + float(e), s) for s, e in enumerate(noise[1])]
    runs += [run("step", 0.2, s, at=3 if e else None) for s, e in enumerate(lost)]
    workload = Workload(name="a", about="a task", overrides=[], rates=[0.1])
    found = judge(workload, SCHEDULES, runs, 0.05)
    assert found.lost == [0, 0, 7]
    assert math.isinf(found.losses[2].mean())
    assert found.decision.arm == "constant"


@pytest.mark.parametrize(
    ("means", "verdict"), [((0.5, 0.3, 0.4), HOLDS), ((0.3, 0.5, 0.4), FAILS), ((0.3, 0.3, 0.3), OPEN)]
)
def test_a_claim_holds_fails_or_is_left_open(means, verdict):
    claim = Claim(schedule="cosine", use="all", workloads=["a", "b"])
    said, lines = on_all(claim, [result("a", *means)])
    assert said == verdict
    assert lines[0].startswith(f"a: {verdict}")
    assert lines[1] == "b: not trained"


def test_the_sentence_counts_workloads_and_bounds_the_loss():
    results = [result("a", 0.5, 0.3, 0.4), result("b", 0.5, 0.3, 0.4), result("c", 0.3, 0.31, 0.4)]
    assert take(results, [2.0, 1.0, 3.0]) == "cosine"
    said = sentence(results, "cosine", 0.05)
    assert said.startswith("Of three workloads cosine may be the best on ")
    assert "nowhere does it lose more than" in said or "where a bound can be given" in said


def test_the_page_has_every_claim_schedule_and_command():
    claims = [Claim(schedule="cosine", use="transformers", workloads=["a", "b"])]
    results = [result("a", 0.5, 0.3, 0.4), result("b", 0.3, 0.5, 0.4)]
    study = Study(
        schedules=SCHEDULES, sweep=["seed=0"], workloads=[r.workload for r in results], claims=claims
    )
    page = written(study, results, 0.05)
    assert "| cosine | transformers | **in part: holds on 1, does not hold on 1** |" in page
    assert "python -m runner -m model=mlp schedule=constant,cosine,step optimizer.lr=0.1 seed=0" in page
    assert all(f"| {name} |" in page for name in SCHEDULES)
    assert "Not trained yet" not in page
    assert "Not trained yet: b." in written(study, results[:1], 0.05)


MINIATURE = """
schedules = ["constant", "cosine"]
sweep = ["seed=0", "hydra.sweeper.final_seeds=[1,2]"]

[workloads.mlp]
about = "a perceptron"
overrides = ["trainer.epochs=1"]
rates = [0.1, 0.3]

[[claims]]
schedule = "cosine"
use = "all"
workloads = ["mlp"]
"""


@pytest.mark.soak
@pytest.mark.slow
def test_a_study_is_trained_once_and_written_down_each_time(run, tmp_path):
    (tmp_path / "mini.toml").write_text(MINIATURE)
    done = run(tmp_path, "runner", "study", "mini.toml", "--out", "kept")
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "kept" / "which-schedule.md").read_text()
    assert "| cosine | all | **can't be told** |" in page
    assert "It took 8 runs" in page
    again = run(tmp_path, "runner", "study", "mini.toml", "--out", "kept")
    assert again.returncode == 0, again.stderr
    assert "has ended: kept/mlp" in again.stdout
    assert (tmp_path / "kept" / "which-schedule.md").read_text() == page
