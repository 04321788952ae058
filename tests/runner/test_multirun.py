"""Sweeps: one parent with its jobs as children, a table, and no failure hidden."""

import re

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
    assert [child.data.tags["schedule"] for child in children] == ["constant", "step", "cosine", "onecycle"]
    assert {child.data.tags["mlflow.parentRunId"] for child in children} == {parent.info.run_id}
    assert {child.info.status for child in children} == {"FINISHED"}
    assert all(len(sweep[1].points(child, "loss")) == 66 for child in children)


def test_schedules_of_one_seed_start_from_the_same_weights_and_data(sweep):
    _, *children = sweep[1].runs()
    first = {sweep[1].points(child, "loss")[0] for child in children}
    assert len(first) == 1


def test_the_table_ranks_by_final_validation_loss(sweep):
    done, store = sweep
    _, *children = store.runs()
    by_loss = sorted(children, key=lambda child: child.data.metrics["final/val_loss"])

    ranked = re.findall(r"^ +\d +(\w+) lr=0.3 seed=0", done.stdout, flags=re.MULTILINE)
    assert ranked == [child.data.tags["schedule"] for child in by_loss]
    assert "error" not in done.stderr.lower()


def test_a_failed_job_hides_no_other_and_fails_the_sweep(run, store, tmp_path):
    done = run(tmp_path, "runner", "-m", "optimizer.lr=0.1,1e9,0.2", "trainer.steps=30")

    assert done.returncode == 1
    assert "not finite" in done.stderr
    assert "Traceback" not in done.stderr
    parent, *children = store(tmp_path).runs()
    assert parent.info.status == "FAILED"
    assert [child.info.status for child in children] == ["FINISHED", "FAILED", "FINISHED"]
    assert "lr=0.1" in done.stdout
    assert "lr=0.2" in done.stdout
    assert re.search(r"failed +optimizer.lr=1000000000.0.*not finite", done.stdout)


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
    assert [child.info.run_name for child in children] == [
        f"onecycle lr={lr} trainer.batch_size={size} seed=0" for lr in (0.1, 0.2) for size in (32, 64)
    ]


def test_a_wrong_name_in_a_sweep_is_refused_before_any_job(run, store, tmp_path):
    done = run(tmp_path, "runner", "-m", "schedule=cosine,onecylce")

    assert done.returncode == 2
    assert "did you mean 'onecycle'?" in done.stderr
    assert not store(tmp_path).exists


def test_an_impossible_job_leaves_no_run_and_the_others_finish(run, store, tmp_path):
    done = run(
        tmp_path, "runner", "-m", "schedule=cosine", "schedule.lr.warmup_steps=10%,200%", "trainer.steps=20"
    )

    assert done.returncode == 2
    assert "warmup_steps" in done.stderr
    parent, *children = store(tmp_path).runs()
    assert parent.info.status == "FAILED"
    assert [child.info.status for child in children] == ["FINISHED"]
