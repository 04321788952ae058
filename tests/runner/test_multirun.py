"""Sweeps: one parent with its jobs as children, a table, and no failure hidden."""

import re
import shutil

import pytest


@pytest.fixture(scope="module")
def sweep(run, store, tmp_path_factory):
    folder = tmp_path_factory.mktemp("sweep")
    done = run(folder, "runner", "-m", "schedule=constant,step,cosine,onecycle", "trainer.epochs=3")
    assert done.returncode == 0, done.stderr
    return done, store(folder)


def test_each_job_is_a_child_of_one_parent(sweep):
    parent, *children = sweep[1].runs()

    assert parent.info.status == "FINISHED"
    assert {child.data.tags["schedule"] for child in children} == {"constant", "step", "cosine", "onecycle"}
    assert len(children) == 4
    assert {child.data.tags["mlflow.parentRunId"] for child in children} == {parent.info.run_id}
    assert {child.info.status for child in children} == {"FINISHED"}
    assert all(len(sweep[1].points(child, "loss")) == 66 for child in children)


def test_schedules_of_one_seed_start_from_the_same_weights_and_data(sweep):
    _, *children = sweep[1].runs()
    first = {sweep[1].points(child, "loss")[0] for child in children}
    assert len(first) == 1


def test_the_table_orders_schedules_by_final_validation_loss(sweep):
    done, store = sweep
    _, *children = store.runs()
    by_loss = sorted(children, key=lambda child: child.data.metrics["final/val_loss"])

    ranked = re.findall(r"^\d +(\w+) +0\.3 ", done.stdout, flags=re.MULTILINE)[:4]
    assert ranked == [child.data.tags["schedule"] for child in by_loss]
    assert "error" not in done.stderr.lower()


def test_a_folder_that_holds_a_sweep_is_not_written_into(sweep, run):
    _, kept = sweep
    [folder] = kept.folder.glob("outputs/*/*-sweep")
    again = run(kept.folder, "runner", "-m", "seed=7", "trainer.epochs=1", f"hydra.sweep.dir={folder}")
    assert again.returncode == 2
    assert f"which holds a sweep; to go on with that one: sweep.resume={folder}" in again.stderr
    assert len(kept.runs()) == 5


def test_a_diverged_job_is_a_finding_and_hides_no_other(run, store, tmp_path):
    done = run(tmp_path, "runner", "-m", "optimizer.lr=0.1,1e9,0.2", "trainer.steps=30")

    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    parent, *children = store(tmp_path).runs()
    assert parent.info.status == "FINISHED"
    assert sorted(child.info.status for child in children) == ["FAILED", "FINISHED", "FINISHED"]
    assert "lr=0.1 seed=0  val loss" in done.stderr
    assert "lr=0.2 seed=0  val loss" in done.stderr
    assert len(re.findall(r"diverged +onecycle lr=1e.09 seed=0: .*not finite", done.stdout)) == 1


def test_a_sweep_of_which_all_jobs_diverged_failed(run, store, tmp_path):
    done = run(tmp_path, "runner", "-m", "optimizer.lr=1e9", "trainer.steps=30", "seed=0,1")

    assert done.returncode == 1
    assert {each.info.status for each in store(tmp_path).runs()} == {"FAILED"}


def test_jobs_are_named_by_what_tells_them_apart(run, store, tmp_path):
    done = run(
        tmp_path,
        "runner",
        "-m",
        "schedule=onecycle",
        "schedule.lr.peak_value=0.1,0.2",
        "trainer.batch_size=32,64",
        "trainer.steps=5",
        "tracking.experiment='[odd] name'",
    )
    assert done.returncode == 0, done.stderr

    parent, *children = store(tmp_path).runs()
    assert parent.info.run_name.startswith("sweep schedule=onecycle")
    assert sorted(child.info.run_name for child in children) == [
        f"onecycle lr={lr} trainer.batch_size={size} seed=0" for lr in (0.1, 0.2) for size in (32, 64)
    ]


def test_a_wrong_name_in_a_sweep_is_refused_before_any_job(run, store, tmp_path):
    done = run(tmp_path, "runner", "-m", "schedule=cosine,onecylce")

    assert done.returncode == 2
    assert "did you mean 'onecycle'?" in done.stderr
    assert not store(tmp_path).exists


def test_an_impossible_job_is_refused_before_anything_is_spent(run, store, tmp_path):
    done = run(
        tmp_path, "runner", "-m", "schedule=cosine", "schedule.lr.warmup_steps=10%,200%", "trainer.steps=20"
    )

    assert done.returncode == 2
    assert (
        "schedule.lr.warmup_steps=200% trainer.steps=20: schedule.lr: warmup_steps must be <" in done.stderr
    )
    assert "schedule.lr.warmup_steps=10%" not in done.stderr
    assert not store(tmp_path).exists


def test_the_plan_draws_counts_and_names_twins_and_trains_nothing(run, store, tmp_path):
    done = run(
        tmp_path, "runner", "schedule=cosine,warmup_cosine", "-m", "trainer.epochs=2", "seed=0,1",
        "schedule.lr.warmup_steps=0,4", "schedule.lr.end_value=0", "hydra.sweep.dir=sweep", "--plan",
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    assert "8 jobs, 352 steps, 1,088 points for MLflow" in done.stdout
    assert re.search(r"warmup_cosine warmup_steps=4 +\S+ +0.06 +0.3 ", done.stdout)
    assert "4 jobs come to the same curves as another" in done.stderr
    assert (tmp_path / "sweep" / "plan.png").read_bytes().startswith(b"\x89PNG")
    assert not store(tmp_path).exists
    assert not (tmp_path / "sweep" / "0").exists()


def test_the_plan_says_what_comes_after_the_first_jobs(run, tmp_path):
    searched = ["schedule=constant,cosine", "optimizer.lr=tag(log,interval(0.01,1))", "seed=0,1"]
    made = ["hydra.sweeper.trials=3", "hydra.sweeper.final_seeds=[5,6]", "trainer.steps=5", "--plan"]
    done = run(tmp_path, "runner", "-m", *searched, *made)
    assert done.returncode == 0, done.stderr
    assert "2 jobs, 10 steps" in done.stdout
    assert "later at most 14 more jobs: 10 of the search, 4 on fresh seeds" in done.stdout
    assert "nothing can be concluded from 2 seeds" in done.stdout


def test_a_rate_on_the_edge_is_followed_outward_and_fresh_seeds_judge_the_winner(run, store, tmp_path):
    done = run(
        tmp_path, "runner", "-m", "schedule=constant,cosine", "optimizer.lr=0.01,0.02", "trainer.steps=40",
        "hydra.sweeper.extend=1", "hydra.sweeper.final_seeds=[7,8]",
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    _, *children = store(tmp_path).runs()
    tried = [
        (run.data.tags["schedule"], float(run.data.params["optimizer.lr"]), run.data.params["seed"])
        for run in children
        if run.data.tags["sweep.stage"] == "tune"
    ]
    judged = [
        (run.data.tags["schedule"], float(run.data.params["optimizer.lr"]), run.data.params["seed"])
        for run in children
        if run.data.tags["sweep.stage"] == "final"
    ]
    arms, rates = ("constant", "cosine"), (0.01, 0.02, 0.04)  # so small that the largest is the best
    assert sorted(tried) == [(arm, rate, "0") for arm in arms for rate in rates]
    assert sorted(judged) == [(arm, 0.04, seed) for arm in arms for seed in ("7", "8")]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (["hydra.sweeper.extend=1"], "hydra.sweeper.extend needs a list of at least two values"),
        (["optimizer.lr=0.1,0.2", "hydra.sweeper.final_seeds=[0]", "seed=0"], "must be fresh seeds, got [0]"),
        (["hydra.sweeper.trials=0"], "hydra.sweeper.trials must be a whole number >= 1, got 0"),
        (["hydra.launcher.slots=0"], "hydra.launcher.slots must be a whole number >= 1, got 0"),
        (["optimizer.lr=0.1,0.2", "hydra.sweeper.budget=1"], "hydra.sweeper.budget must be >= 2"),
        (
            ["optimizer.lr=0.1,0.2", "hydra.sweeper.budget=3", "hydra.sweeper.final_seeds=[5,6]"],
            "hydra.sweeper.budget must be >= 4, the jobs asked for, got 3",
        ),
        (["hydra.sweeper.until=sure"], "hydra.sweeper.until must be one of decided, got 'sure'"),
        (
            ["optimizer.lr=0.1,0.2", "hydra.sweeper.until=decided", "hydra.sweeper.budget=7"],
            "hydra.sweeper.budget must be >= 8, the jobs asked for, got 7",
        ),
        (["hydra.sweeper.tolerance=0"], "hydra.sweeper.tolerance must be a number > 0, got 0"),
        (
            ["optimizer.lr=0.1,0.2", "hydra.sweeper.until=decided", "hydra.sweeper.final_seeds=[5]"],
            "leave hydra.sweeper.final_seeds out",
        ),
        (["sweep.resume=nowhere"], "resume must be a run's directory, or the id of one below outputs/"),
    ],
)
def test_settings_that_do_not_fit_are_refused(settings, message, run, store, tmp_path):
    done = run(tmp_path, "runner", "-m", "trainer.steps=5", *settings)
    assert done.returncode == 2, done.stderr
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert not store(tmp_path).exists


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--plan"], "sweep.plan is of a sweep, and this is one run: add -m"),
        (["-m", "--plan", "hydra/launcher=basic"], "sweep.plan needs hydra/launcher=local or ray, got basic"),
        (["-m", "optimizer.lr=auto,0.1"], "optimizer.lr must be numbers > 0 where several are listed"),
        (["-m", "optimizer.lr=0,0.1"], "optimizer.lr must be numbers > 0 where several are listed, got '0'"),
        (["-m", "seed=a,b"], "seed must be whole numbers >= 0, got 'a'"),
        (["-m", "optimizer.lr=0.1,0.2", "hydra.sweeper.final_seeds=[0,1]"], "must be fresh seeds, got [0]"),
        (
            ["-m", "optimizer.lr=interval(1,0.1)"],
            "optimizer.lr must be an interval(low, high) with low < high",
        ),
        (
            ["-m", "optimizer.lr=tag(log,interval(0,1))"],
            "optimizer.lr must be an interval(low, high) with 0 <",
        ),
        (["-m", "+sede=1,2"], "there is no setting 'sede'; did you mean 'seed'?"),
        (["-m", "seed=1,2", "+tracking.url=x"], "there is no setting 'url' in tracking; did you mean 'uri'?"),
    ],
)
def test_a_mistake_about_a_sweep_is_told_and_trains_nothing(arguments, message, run, store, tmp_path):
    done = run(tmp_path, "runner", *arguments, "trainer.steps=5")
    assert done.returncode == 2, done.stderr
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert not store(tmp_path).exists


BUGGY = """
from dataclasses import dataclass
from runner.registries import model

class Broken(Exception):
    def __init__(self, one, two):
        super().__init__(one)

@model("buggy")
@dataclass
class Buggy:
    bias: bool = True
    zero_init: bool = True

    def build(self, data):
        raise Broken("it is broken", 2)
"""


def test_a_bug_of_a_plugin_is_shown_where_it_is(run, store, tmp_path):
    (tmp_path / "buggy.py").write_text(BUGGY)
    done = run(tmp_path, "runner", "-m", "seed=0,1", "plugins=[buggy]", "model=linear", "model.name=buggy")
    assert done.returncode == 1
    assert "it is broken" in done.stderr
    assert 'buggy.py", line' in done.stderr


def test_a_folder_of_any_name_is_gone_on_with_and_what_was_deleted_is_trained_again(run, store, tmp_path):
    command = ["runner", "-m", "seed=0,1", "trainer.steps=5"]
    assert run(tmp_path, *command, "hydra.sweep.dir='it is, a=b'").returncode == 0
    shutil.rmtree(tmp_path / "it is, a=b" / "1")
    _, kept, _ = store(tmp_path).runs()
    store(tmp_path).client.delete_run(kept.info.run_id)
    done = run(tmp_path, *command, "sweep.resume=it is, a=b")
    assert done.returncode == 0, done.stderr
    assert "1 of 2 jobs are done already" in done.stderr
    assert f"{kept.info.run_name}, whose run {kept.info.run_id} was deleted in MLflow" in done.stderr
    assert (tmp_path / "it is, a=b" / "1" / "end.json").exists()


@pytest.mark.slow
def test_the_last_override_counts_and_what_decides_nothing_trains_nothing_again(run, store, tmp_path):
    line = ["runner", "-m", "schedule=cosine,constant", "trainer.steps=1e1"]
    rates = ["optimizer.lr=0.1,0.3", "optimizer.lr=0.2"]
    done = run(tmp_path, *line, *rates, "hydra.sweep.dir=S")
    assert done.returncode == 0, done.stderr
    _, *jobs = store(tmp_path).runs()
    assert {job.info.run_name for job in jobs} == {"cosine lr=0.2 seed=0", "constant lr=0.2 seed=0"}
    assert {job.data.params["trainer.steps"] for job in jobs} == {"10"}
    again = run(tmp_path, *line, rates[-1], "sweep.resume=S", "trainer.keep_best=true")
    assert again.returncode == 0, again.stderr
    assert len(store(tmp_path).runs()) == 3
