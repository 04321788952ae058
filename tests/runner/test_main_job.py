"""The main job as a user runs it: one real process, read back through MLflow's own client."""

import json
import math
import re
from types import SimpleNamespace

import numpy as np
import pytest
import yaml
from pyarrow import parquet

import schedules
from runner.record.journal import read

N = 440  # 20 epochs of 22 whole batches of 64 out of 1437 examples


@pytest.fixture(scope="module")
def job(run, store, tmp_path_factory):
    folder = tmp_path_factory.mktemp("main_job")
    done = run(folder, "runner", "schedule=onecycle")
    assert done.returncode == 0, done.stderr
    kept = store(folder)
    [only] = kept.runs()
    return SimpleNamespace(folder=folder, done=done, store=kept, run=only)


def onecycle(t, low, peak, end):
    """The mission's three phases, with its T1 = 45 % and T2 = 90 % of the run."""
    t1, t2 = 198, 396
    if t < t1:
        return low + (peak - low) * t / t1
    if t < t2:
        return peak - (peak - low) * (t - t1) / (t2 - t1)
    return low + (end - low) * (t - t2) / (N - t2)


@pytest.mark.parametrize(
    ("key", "low", "peak", "end"), [("lr", 0.03, 0.3, 0.003), ("momentum", 0.95, 0.85, 0.95)]
)
def test_every_step_holds_the_closed_form_once(job, key, low, peak, end):
    points = job.store.points(job.run, key)

    assert [step for step, _ in points] == list(range(N))
    expected = [onecycle(t, low, peak, end) for t in range(N)]
    np.testing.assert_allclose([value for _, value in points], expected, rtol=0, atol=1e-12)


def test_every_step_holds_its_loss_once(job):
    points = job.store.points(job.run, "loss")

    assert [step for step, _ in points] == list(range(N))
    losses = [value for _, value in points]
    assert all(math.isfinite(loss) and loss > 0 for loss in losses)
    assert np.mean(losses[-22:]) < 0.05 < 1.0 < np.mean(losses[:5])


def test_validation_is_judged_after_every_epoch(job):
    for key in ("val/loss", "val/accuracy"):
        assert [step for step, _ in job.store.points(job.run, key)] == list(range(22, N + 1, 22))


def test_the_default_run_learns_to_read_digits(job):
    metrics = job.run.data.metrics

    assert metrics["final/val_accuracy"] >= 0.95
    assert metrics["best/val_accuracy"] >= metrics["final/val_accuracy"]
    assert metrics["final/val_accuracy"] == job.store.points(job.run, "val/accuracy")[-1][1]


def test_the_run_is_closed_and_says_what_it_was(job):
    assert job.run.info.status == "FINISHED"
    assert job.run.info.run_name == "onecycle lr=0.3 seed=0"
    params = job.run.data.params
    assert params["schedule.lr.name"] == "onecycle"
    assert params["optimizer.lr"] == "0.3"
    assert params["total_steps"] == str(N)
    assert job.run.data.tags["schedule"] == "onecycle"
    assert "total_steps=440" in job.run.data.tags["plan.lr"]


def test_config_and_picture_are_artifacts(job):
    listed = {item.path for item in job.store.client.list_artifacts(job.run.info.run_id)}
    assert listed == {
        "config.yaml",
        "plan.json",
        "plan.png",
        "environment.txt",
        "curves.parquet",
        "final_val_losses.npy",
    }
    kept = job.store.client.download_artifacts(job.run.info.run_id, "config.yaml")
    with open(kept) as file:
        config = yaml.safe_load(file)
    assert config["schedule"]["lr"]["peak_value"] == 0.3  # interpolations are resolved
    with open(job.store.client.download_artifacts(job.run.info.run_id, "plan.png"), "rb") as file:
        assert file.read(8) == b"\x89PNG\r\n\x1a\n"


def test_the_parquet_file_holds_every_curve_whole(job):
    table = parquet.read_table(job.store.client.download_artifacts(job.run.info.run_id, "curves.parquet"))
    assert table.column_names == ["step", "time", "lr", "momentum", "loss"]
    columns = table.to_pydict()
    for key in ("lr", "momentum", "loss"):
        assert list(zip(columns["step"], columns[key], strict=True)) == job.store.points(job.run, key)


def test_the_optimizer_is_shown_to_have_followed_the_plan(job):
    assert job.run.data.tags["plan.followed"] == "true"
    with open(job.store.client.download_artifacts(job.run.info.run_id, "plan.json")) as file:
        lr = schedules.from_spec(json.load(file)["lr"])
    logged = [value for _, value in job.store.points(job.run, "lr")]
    assert [lr(t) for t in range(N)] == pytest.approx(logged, abs=1e-12)


def test_points_carry_the_time_of_their_step(job):
    history = job.store.client.get_metric_history(job.run.info.run_id, "loss")
    times = [point.timestamp for point in sorted(history, key=lambda point: point.step)]
    assert times == sorted(times)
    assert job.run.info.start_time <= times[0] <= times[-1] <= job.run.info.end_time


def test_the_journal_holds_what_mlflow_was_sent(job):
    [path] = job.folder.glob("outputs/*/*/steps.journal")
    rows = read(path)
    for key in ("lr", "momentum", "loss"):
        assert list(zip(rows["step"], rows[key], strict=True)) == job.store.points(job.run, key)


def test_the_summary_tells_where_to_look_and_what_to_try(job):
    out = job.done.stdout
    assert re.search(r"validation accuracy 9\d\.\d\d%", out)
    assert job.run.info.run_id in out
    assert re.search(
        r"mlflow ui --backend-store-uri sqlite:////\S+/mlflow\.db   then http://\S+/#/experiments/", out
    )
    assert " -m runner -m schedule=" in out
    assert job.done.stderr == ""  # no bar and no log lines where there is no terminal


def test_adamw_takes_the_momentum_as_its_first_beta_and_cnn_trains(run, store, tmp_path):
    done = run(tmp_path, "runner", "model=cnn", "optimizer=adamw", "trainer.epochs=1")
    assert done.returncode == 0, done.stderr

    [only] = store(tmp_path).runs()
    assert next(v for _, v in store(tmp_path).points(only, "momentum")) == pytest.approx(0.95, abs=1e-12)
    assert only.data.metrics["final/val_accuracy"] > 0.3


def test_a_run_without_a_momentum_schedule_logs_the_constant_one(run, store, tmp_path):
    done = run(tmp_path, "runner", "schedule=cosine", "trainer.steps=10")
    assert done.returncode == 0, done.stderr

    [only] = store(tmp_path).runs()
    assert store(tmp_path).points(only, "momentum") == [(t, 0.9) for t in range(10)]
    assert store(tmp_path).points(only, "lr")[0] == (0, 0.3)
