"""Real processes killed and resumed: the run in MLflow is the one that an undisturbed run leaves."""

import random
import re
import signal
import time

import numpy as np
import pytest
import torch

from runner.record.directory import RunDirectory
from runner.record.journal import read

from .processes import let_go, rows, wait_for

pytestmark = pytest.mark.slow

RUN = ["model=mlp", "trainer.epochs=150", "trainer.checkpoint_steps=400"]  # 3300 steps
N = 3300


@pytest.fixture(scope="module")
def calm(run, tmp_path_factory):
    """The undisturbed run."""
    folder = tmp_path_factory.mktemp("calm")
    done = run(folder, "runner", *RUN, "hydra.run.dir=run")
    assert done.returncode == 0, done.stderr
    return RunDirectory(folder / "run")


def assert_same(directory: RunDirectory, calm: RunDirectory, store) -> None:
    """Steps, evaluations and weights equal the undisturbed run's, bit by bit, and MLflow has each once."""
    for name in ("steps", "evaluations"):
        ours, theirs = read(getattr(directory, name)), read(getattr(calm, name))
        for column in (c for c in theirs.dtype.names if c != "time"):
            np.testing.assert_array_equal(ours[column], theirs[column], err_msg=f"{name}: {column}")
    weights = [torch.load(d.checkpoint, weights_only=True) for d in (directory, calm)]
    assert weights[0]["step"] == weights[1]["step"]
    for key, tensor in weights[1]["model"].items():
        assert torch.equal(weights[0]["model"][key], tensor), key
    [only] = store(directory.path.parent).runs()
    assert only.info.status == "FINISHED"
    steps = read(directory.steps)
    for key in ("lr", "momentum", "loss"):
        recorded = list(zip(steps["step"].tolist(), steps[key].tolist(), strict=True))
        assert store(directory.path.parent).points(only, key) == recorded


def kill_somewhere(start, directory, command, draw):
    """Start the run, kill it at a random moment: while it starts, trains, saves or sends."""
    process = start(directory.path.parent, "runner", *command)
    time.sleep(draw.uniform(0.3, 7.0))
    process.kill()
    process.communicate()
    if directory.order_file.exists():
        let_go(directory)


@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.soak)])
def test_ten_kills_at_random_moments_leave_no_trace(seed, calm, start, run, store, tmp_path):
    draw = random.Random(seed)
    directory = RunDirectory(tmp_path / "run")
    reached = []
    for _ in range(10):
        begun = (directory.path / "artifacts" / "plan.json").exists() and directory.order_file.exists()
        kill_somewhere(start, directory, ["resume=run"] if begun else [*RUN, "hydra.run.dir=run"], draw)
        reached.append(rows(directory))
    last = ["resume=run"] if directory.order_file.exists() else [*RUN, "hydra.run.dir=run"]
    done = run(tmp_path, "runner", *last)
    print(f"10 kills; rows in the journal after each: {reached}")

    assert done.returncode == 0 or "steps left" in done.stderr, done.stderr
    assert_same(directory, calm, store)


@pytest.mark.parametrize("signum", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.soak)])
def test_a_signal_checkpoints_and_the_run_goes_on_from_there(signum, calm, start, run, store, tmp_path):
    directory = RunDirectory(tmp_path / "run")
    process = start(tmp_path, "runner", *RUN, "trainer.checkpoint_steps=100000", "hydra.run.dir=run")
    wait_for(lambda: rows(directory) > 500)
    process.send_signal(signum)
    process.communicate(timeout=60)
    assert process.returncode == 128 + signum

    stopped = torch.load(directory.checkpoint, weights_only=True)["step"]
    assert stopped == rows(directory)  # nothing has to be repeated
    [killed] = store(tmp_path).runs()
    assert killed.info.status == "KILLED"
    done = run(tmp_path, "runner", f"resume={killed.info.run_id[:10]}", "trainer.checkpoint_steps=100000")
    assert done.returncode == 2  # ids are looked for below outputs/
    done = run(tmp_path, "runner", "resume=run")
    assert done.returncode == 0, done.stderr
    assert_same(directory, calm, store)


@pytest.fixture(scope="module")
def stopped(start, tmp_path_factory):
    """A run that was stopped after some epochs, in ``outputs``."""
    folder = tmp_path_factory.mktemp("stopped")
    process = start(folder, "runner", "schedule=wsd", *RUN, "hydra.run.dir=outputs/run")
    directory = RunDirectory(folder / "outputs" / "run")
    wait_for(lambda: rows(directory) > 300)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    return directory


def refused(run, directory: RunDirectory, *arguments: str) -> str:
    done = run(directory.path.parents[1], "runner", *arguments)
    assert done.returncode == 2, done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    return done.stderr


def test_changed_settings_are_refused_with_the_difference(stopped, run):
    told = refused(run, stopped, "resume=outputs/run", "optimizer.lr=0.5", "seed=3")
    assert "optimizer.lr: 0.3 -> 0.5" in told
    assert "seed: 0 -> 3" in told


def test_an_unknown_run_is_refused(stopped, run):
    assert "resume must be a run's directory" in refused(run, stopped, "resume=feedbeef")


def test_a_group_is_not_chosen_anew(stopped, run):
    told = refused(run, stopped, "resume=outputs/run", "schedule=cosine")
    assert "schedule is a group" in told
    assert "trainer.epochs" in told  # what may change
    assert "did you mean 'trainer.epochs'" in refused(run, stopped, "resume=outputs/run", "trainer.epocs=3")


def test_a_longer_budget_extends_the_plan_and_says_so_and_once_more(stopped, start, run, store):
    folder, run_id = stopped.path.parents[1], stopped.sent.run_id
    done_before, before = rows(stopped), read(stopped.steps)["lr"].copy()
    rare = "trainer.checkpoint_steps=100000"
    process = start(folder, "runner", f"resume={run_id[:12]}", "trainer.epochs=200", rare)
    wait_for(lambda: rows(stopped) > done_before + 300)
    process.kill()  # after the extension, before any checkpoint of it
    process.communicate()
    let_go(stopped)
    under_the_first = read(stopped.steps)["lr"].copy()
    done = run(folder, "runner", f"resume={run_id[:12]}", "trainer.epochs=250", rare)
    assert done.returncode == 0, done.stderr

    assert "the plan is extended to 5500 steps" in done.stdout
    assert "warning" not in done.stderr  # what was repeated is what was recorded
    steps = read(stopped.steps)
    assert steps["step"].tolist() == list(range(5500))
    np.testing.assert_array_equal(steps["lr"][:done_before], before)
    np.testing.assert_array_equal(steps["lr"][: len(under_the_first)], under_the_first)
    assert np.abs(np.diff(steps["lr"])).max() < 2e-3  # no jump
    assert steps["lr"][-1] < 1e-2 * steps["lr"].max()  # and the decay is there
    [only] = store(folder).runs()
    assert only.info.status == "FINISHED"
    assert only.data.tags["plan.followed"] == "true"
    assert only.data.tags["resumed.at"] == f"{done_before}, {done_before}"
    assert only.data.tags["total_steps.extended"] == "5500"  # the parameter cannot change
    assert only.data.metrics["total_steps.extended"] == 5500
    assert "5500" in (stopped.artifacts / "plan.json").read_text()
    assert "nothing to send" in run(folder, "runner", "sync").stdout
    assert re.search("steps left", refused(run, stopped, "resume=outputs/run"))


def test_a_run_in_training_is_not_resumed_twice(start, run, tmp_path):
    process = start(tmp_path, "runner", "trainer.epochs=100000", "hydra.run.dir=run")
    directory = RunDirectory(tmp_path / "run")
    wait_for(lambda: rows(directory) > 100)
    done = run(tmp_path, "runner", "resume=run")
    process.terminate()
    process.communicate(timeout=60)

    assert done.returncode == 2
    assert "is being trained by another process" in done.stderr


FEATURES = [
    "trainer.accumulate=2 trainer.ema_decay=0.99 trainer.clip_norm=1 trainer.precision=bf16",
    "trainer.precision=fp16 trainer.ema_decay=0.99 optimizer=adamw trainer.early_stop_patience=50",
]


@pytest.mark.parametrize("features", [FEATURES[1], pytest.param(FEATURES[0], marks=pytest.mark.soak)])
def test_verify_resume_proves_it_on_the_users_config(features, run, tmp_path):
    length = ["trainer.epochs=30", "trainer.checkpoint_steps=100", "--kills", "1"]
    done = run(tmp_path, "runner", "verify-resume", "schedule=cosine", *features.split(), *length)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "killed after step" in done.stdout
    assert "same       weights" in done.stdout
    assert ("same       averaged weights" in done.stdout) == ("ema_decay" in features)
    assert "DIFFERENT" not in done.stdout
    assert not (tmp_path / "mlflow.db").exists()  # it has a store of its own
