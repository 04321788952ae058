"""Sweeps whose processes die, hang or are stopped: every job ends once, and resuming gives the same table."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from runner.record.directory import RunDirectory, find
from runner.record.journal import read

from ..conftest import environment
from .processes import let_go, rows, wait_for

pytestmark = pytest.mark.slow

SWEEP = ["runner", "-m", "schedule=constant,cosine", "optimizer.lr=0.1,0.3", "seed=0,1", "trainer.epochs=60"]


def jobs_of(folder: Path) -> list[dict]:
    return json.loads((folder / "sweep" / "manifest.json").read_text())


def ranked(out: str) -> list[str]:
    """The table's schedules with their rate and figures, best first."""
    return re.findall(r"^\d +(\S+ +0\.\d+ +\S+ .*)$", out, flags=re.MULTILINE)


def process_of(job: RunDirectory) -> int | None:
    """The process that has the job's log open."""
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if os.readlink(entry / "fd" / "1") == str(job.path / "job.log"):
                return int(entry.name)
        except OSError:
            continue
    return None


def kill_job(job: RunDirectory, steps: int, signum: int) -> None:
    wait_for(lambda: rows(job) > steps)
    pid = process_of(job)
    assert pid is not None
    os.kill(pid, signum)


def test_a_sweep_that_was_killed_half_way_is_resumed_to_the_same_table(start, run, store, tmp_path):
    (tmp_path / "calm").mkdir()
    (tmp_path / "cut").mkdir()
    calm = run(tmp_path / "calm", *SWEEP, "hydra.sweep.dir=sweep")
    assert calm.returncode == 0, calm.stderr

    process = start(tmp_path / "cut", *SWEEP, "hydra.sweep.dir=sweep")
    wait_for(lambda: rows(RunDirectory(tmp_path / "cut" / "sweep" / "4")) > 100)
    process.kill()
    process.communicate(timeout=60)
    for directory in find(tmp_path / "cut" / "sweep"):
        wait_for(lambda d=directory: not d.is_alive())
        let_go(directory)
    finished = sum(job["state"] == "finished" for job in jobs_of(tmp_path / "cut"))
    assert 2 < finished < 8

    resumed = run(tmp_path / "cut", "runner", "-m", "sweep.resume=sweep")
    assert resumed.returncode == 0, resumed.stderr
    assert f"{finished} of 8 jobs are done already" in resumed.stderr
    assert ranked(resumed.stdout) == ranked(calm.stdout)
    assert len(ranked(calm.stdout)) >= 2
    parent, *children = store(tmp_path / "cut").runs()
    assert parent.info.status == "FINISHED"
    assert [child.info.status for child in children] == ["FINISHED"] * 8
    assert len({child.info.run_name for child in children}) == 8
    for number in range(8):
        calm_rows, cut_rows = (
            read(RunDirectory(tmp_path / each / "sweep" / str(number)).steps) for each in ("calm", "cut")
        )
        assert calm_rows["loss"].tolist() == cut_rows["loss"].tolist()


def test_a_sweep_that_was_stopped_says_so_and_how_to_go_on(start, store, tmp_path):
    process = start(tmp_path, "runner", "-m", "seed=0,1", "trainer.epochs=2000", "hydra.sweep.dir=sweep")
    wait_for(lambda: rows(RunDirectory(tmp_path / "sweep" / "1")) > 20)
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=60)

    assert process.returncode == 128 + signal.SIGTERM
    assert "Traceback" not in err
    assert re.search(r"^stopped +onecycle lr=0.3 seed=1: the sweep was stopped", out, flags=re.MULTILINE)
    assert "-m runner -m sweep.resume=sweep   goes on" in out
    parent, *children = store(tmp_path).runs()
    assert [each.info.status for each in (parent, *children)] == ["KILLED"] * 3
    told = {child.data.tags["reason"] for child in children}  # by the job, or after it by the sweep
    assert told <= {"stopped by signal 15", "the sweep was stopped"}


def test_ctrl_c_before_the_first_job_is_told_in_a_line(tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-m", "runner", "-m", "seed=0,1", "hydra.sweep.dir=sweep"], cwd=tmp_path,
        env=environment(), stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    wait_for(lambda: (tmp_path / "sweep" / "multirun.yaml").exists())
    time.sleep(0.8)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to all of them
    _, err = process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGINT
    assert "Traceback" not in err


def test_a_job_whose_process_is_killed_goes_on_from_its_checkpoint(start, store, tmp_path):
    process = start(
        tmp_path, "runner", "-m", "seed=0,1", "trainer.epochs=100", "trainer.checkpoint_steps=200",
        "hydra.sweep.dir=sweep",
    )  # fmt: skip
    job = RunDirectory(tmp_path / "sweep" / "1")
    kill_job(job, 400, signal.SIGKILL)
    _, err = process.communicate(timeout=120)

    assert process.returncode == 0, err
    assert "is tried again: its process was killed by signal 9" in err
    _, *children = store(tmp_path).runs()
    assert [child.info.status for child in children] == ["FINISHED", "FINISHED"]
    assert [job["attempts"] for job in jobs_of(tmp_path)] == [1, 2]
    assert all(len(store(tmp_path).points(child, "loss")) == 2200 for child in children)
    assert "resumed.at" in next(c for c in children if c.data.params["seed"] == "1").data.tags


def test_a_job_that_is_killed_each_time_fails_alone(start, store, tmp_path):
    process = start(
        tmp_path, "runner", "-m", "seed=0,1", "trainer.epochs=100", "hydra.sweep.dir=sweep",
        "hydra.launcher.retries=0",
    )  # fmt: skip
    kill_job(RunDirectory(tmp_path / "sweep" / "1"), 200, signal.SIGKILL)
    out, err = process.communicate(timeout=120)

    assert process.returncode == 1
    assert "Traceback" not in err
    assert re.search(r"failed +onecycle lr=0.3 seed=1: its process was killed by signal 9", out)
    parent, *children = store(tmp_path).runs()
    assert parent.info.status == "FAILED"
    assert sorted(child.info.status for child in children) == ["FAILED", "FINISHED"]


def test_a_job_that_takes_too_long_is_stopped_and_the_others_finish(run, store, tmp_path):
    done = run(
        tmp_path, "runner", "-m", "trainer.steps=50,1000000", "hydra.sweep.dir=sweep",
        "hydra.launcher.timeout=8",
    )  # fmt: skip

    assert done.returncode == 1
    assert "it took longer than 8 s" in done.stderr
    _, *children = store(tmp_path).runs()
    assert sorted(child.info.status for child in children) == ["FINISHED", "KILLED"]
    states = {job["overrides"][0]: job["state"] for job in jobs_of(tmp_path)}
    assert states == {"trainer.steps=50": "finished", "trainer.steps=1000000": "failed"}


def test_jobs_of_submitit_are_children_of_the_sweep_too(run, store, tmp_path):
    pytest.importorskip("hydra_plugins.hydra_submitit_launcher")
    done = run(tmp_path, "runner", "-m", "hydra/launcher=submitit_local", "seed=0,1", "trainer.epochs=2")

    assert done.returncode == 0, done.stderr
    parent, *children = store(tmp_path).runs()
    assert parent.info.status == "FINISHED"
    assert [child.info.status for child in children] == ["FINISHED", "FINISHED"]
    assert {child.data.tags["mlflow.parentRunId"] for child in children} == {parent.info.run_id}
    assert all(len(store(tmp_path).points(child, "loss")) == 44 for child in children)
    assert len(ranked(done.stdout)) == 1  # one schedule, of two seeds
