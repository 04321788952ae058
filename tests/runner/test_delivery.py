"""Whatever dies, every point is in MLflow once: servers, uploaders, trainers, sweeps and disks."""

import os
import platform
import re
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from mlflow.tracking import MlflowClient
from pyarrow import parquet

from runner.record.directory import RunDirectory, find, now
from runner.record.journal import read

from ..conftest import environment
from .processes import (
    SERVERS,
    free_port,
    let_go,
    rows,
    table,
    uploader_of,
    wait_for,
)

pytestmark = pytest.mark.slow

KEYS = ("loss", "lr", "momentum")
LONG = ["trainer.epochs=200", "trainer.checkpoint_steps=500"]  # 4400 steps


def assert_each_once(points, steps: int) -> None:
    """Every step has one point of each key, and there is none beside."""
    print({key: points.get(key) for key in KEYS}, "points, steps, last step of", steps)
    for key in KEYS:
        assert points[key] == (steps, steps, steps - 1), key


def local_table(folder: Path, run) -> dict:
    return table(folder / "mlflow.db", run.info.run_id)


@pytest.mark.parametrize("backend", ["postgres", pytest.param("sqlite", marks=pytest.mark.soak)])
def test_a_server_that_dies_or_is_away_gets_every_point_once(backend, start, run, tmp_path):
    with SERVERS[backend](tmp_path) as server:
        server.start()
        to_server = ["tracking=server", f"tracking.uri={server.uri}"]
        directory = RunDirectory(tmp_path / "run")
        process = start(tmp_path, "runner", *LONG, *to_server, "hydra.run.dir=run")
        wait_for(lambda: rows(directory) > 1000)
        server.kill()
        at_kill = rows(directory)
        wait_for(lambda: rows(directory) > at_kill + 1000)  # training does not wait
        server.start()
        out, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
        client = MlflowClient(server.uri)
        sent = directory.sent
        assert sent.run_id in out
        assert client.get_run(sent.run_id).info.status == "FINISHED"
        assert_each_once(server.table(sent.run_id), 4400)

        server.kill()
        short = ["trainer.steps=150", "tracking.patience=0.5", *to_server]
        sweep = ["-m", "seed=0,1", *short, "tracking.offline=true", "hydra.sweep.dir=sweep"]
        done = run(tmp_path, "runner", *sweep)
        assert done.returncode == 0, done.stderr
        assert "python -m runner sync sweep" in done.stderr
        ranking = [line for line in done.stdout.splitlines() if re.match(r" +\d+ .* seed=", line)]
        assert len(ranking) == 2
        assert all(re.search(r" \d+\.\d *$", line) for line in ranking), ranking  # seconds, and no id yet
        unsent = run(tmp_path, "runner", "sync", "sweep")
        assert unsent.returncode == 1
        assert "150 rows of steps.journal" in unsent.stderr

        server.start()
        for said in ("sent", "nothing to send"):
            synced = run(tmp_path, "runner", "sync", "sweep")
            assert synced.returncode == 0, synced.stderr
            assert said in synced.stdout
        parent, *jobs = find(tmp_path / "sweep")
        assert client.get_run(parent.sent.run_id).info.status == "FINISHED"
        assert len(jobs) == 2
        for job in jobs:
            stored = client.get_run(job.sent.run_id)
            assert stored.info.status == "FINISHED"
            assert stored.data.tags["mlflow.parentRunId"] == parent.sent.run_id
            assert_each_once(server.table(job.sent.run_id), 150)
        [experiment] = client.search_experiments(filter_string="name = 'schedule-lab'")
        assert len(client.search_runs([experiment.experiment_id])) == 4


def test_a_server_that_is_away_at_the_start_is_refused_before_anything_is_trained(run, tmp_path):
    nowhere = f"http://127.0.0.1:{free_port()}"
    done = run(tmp_path, "runner", "tracking=server", f"tracking.uri={nowhere}")
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1
    assert "tracking.offline=true" in done.stderr
    assert list(find(tmp_path)) == []


def test_a_killed_uploader_is_replaced_and_no_point_is_lost_or_twice(start, store, tmp_path):
    directory = RunDirectory(tmp_path / "run")
    process = start(tmp_path, "runner", *LONG, "hydra.run.dir=run")
    killed = []
    for at in (300, 2000):
        wait_for(lambda at=at: rows(directory) > at and uploader_of(process) not in (None, *killed))
        killed.append(uploader_of(process))
        os.kill(killed[-1], signal.SIGKILL)
    _, err = process.communicate(timeout=120)

    assert process.returncode == 0, err
    assert "warning" not in err
    [only] = store(tmp_path).runs()
    assert only.info.status == "FINISHED"
    assert_each_once(local_table(tmp_path, only), 4400)


def test_eight_runs_at_once_on_a_store_that_nobody_made(start, store, tmp_path):
    processes = [
        start(tmp_path, "runner", f"seed={n}", "trainer.steps=40", f"hydra.run.dir=run{n}") for n in range(8)
    ]
    said = [process.communicate(timeout=240)[1] for process in processes]

    assert [process.returncode for process in processes] == [0] * 8, said
    runs = store(tmp_path).runs()
    assert [stored.info.status for stored in runs] == ["FINISHED"] * 8
    for stored in runs:
        assert_each_once(local_table(tmp_path, stored), 40)


@pytest.fixture
def small_disk(tmp_path):
    """A disk of three megabytes."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", disk], capture_output=True, text=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"a small disk cannot be mounted here: {mounted.stderr.strip()}")
    yield disk
    subprocess.run(["umount", "--lazy", disk], check=True)


def test_a_full_disk_fails_the_run_in_mlflow_and_room_lets_it_go_on(small_disk, start, run, store, tmp_path):
    directory = RunDirectory(small_disk / "run")
    process = start(tmp_path, "runner", *LONG, f"hydra.run.dir={directory.path}")
    wait_for(lambda: rows(directory) > 600)
    filler = small_disk / "filler"
    with filler.open("wb", buffering=0) as file, suppress(OSError):
        while file.write(b"0" * 4096):
            pass
    _, err = process.communicate(timeout=120)

    assert process.returncode == 1
    assert "No space left on device" in err
    assert "Traceback" not in err
    held = rows(directory)
    assert 600 < held < 4400
    [failed] = store(tmp_path).runs()
    assert failed.info.status == "FAILED"
    assert "No space left" in failed.data.tags["reason"]
    assert_each_once(local_table(tmp_path, failed), held)

    filler.unlink()
    done = run(tmp_path, "runner", f"resume={directory.path}")
    assert done.returncode == 0, done.stderr
    [finished] = store(tmp_path).runs()
    assert finished.info.status == "FINISHED"
    assert_each_once(local_table(tmp_path, finished), 4400)


def test_doctor_closes_what_died_with_its_uploader(start, run, store, tmp_path):
    directory = RunDirectory(tmp_path / "outputs" / "run")
    process = start(tmp_path, "runner", *LONG, "hydra.run.dir=outputs/run")
    wait_for(lambda: rows(directory) > 1000)
    os.kill(uploader_of(process), signal.SIGKILL)
    process.kill()
    process.communicate()
    [dead] = store(tmp_path).runs()
    assert dead.info.status == "RUNNING"

    first, second = run(tmp_path, "runner", "doctor"), run(tmp_path, "runner", "doctor")
    assert first.returncode == second.returncode == 0, first.stderr + second.stderr
    assert "died       outputs/run: closed as KILLED" in first.stdout
    assert "no run below outputs died without a word" in second.stdout
    [closed] = store(tmp_path).runs()
    assert closed.info.status == "KILLED"
    assert closed.data.tags["closed.by"] == "doctor"
    assert_each_once(local_table(tmp_path, closed), rows(directory))


def test_mlflows_variables_do_not_reach_a_run_and_every_thins_what_is_sent(run, store, tmp_path):
    hijack = {
        "MLFLOW_RUN_ID": "0" * 32,
        "MLFLOW_EXPERIMENT_NAME": "elsewhere",
        "MLFLOW_TRACKING_URI": f"http://127.0.0.1:{free_port()}",
        "MLFLOW_ENABLE_ASYNC_LOGGING": "true",
    }
    done = subprocess.run(
        [
            *(sys.executable, "-m", "runner", "tracking.every=7", "trainer.steps=1000", "hydra.run.dir=run"),
            *("tracking.uri=sqlite:///mlflow.db", "tracking.experiment=schedule-lab"),
        ],
        cwd=tmp_path,
        env=environment() | hijack,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    kept = store(tmp_path)
    [only] = kept.runs()
    assert kept.client.get_experiment(only.info.experiment_id).name == "schedule-lab"
    steps = read(RunDirectory(tmp_path / "run").steps)
    due = {k: list(zip(steps["step"][::7].tolist(), steps[k][::7].tolist(), strict=True)) for k in KEYS}
    assert {key: kept.points(only, key) for key in KEYS} == due
    curves = parquet.read_table(kept.client.download_artifacts(only.info.run_id, "curves.parquet"))
    assert curves["step"].to_pylist() == list(range(1000))

    moved = (tmp_path / "run").rename(tmp_path / "moved")
    (moved / "sent.json").unlink()  # as if nothing had been acknowledged: everything is sent again
    synced = run(tmp_path, "runner", "sync", "moved")
    assert synced.returncode == 0, synced.stderr
    assert "sent       moved" in synced.stdout
    [only] = store(tmp_path).runs()
    assert only.info.status == "FINISHED"
    assert {key: kept.points(only, key) for key in KEYS} == due


@pytest.mark.parametrize("signum", [pytest.param(signal.SIGKILL, marks=pytest.mark.soak), signal.SIGINT])
def test_a_sweep_that_is_stopped_leaves_no_run_open(signum, start, store, tmp_path):
    command = ["runner", "-m", "seed=0,1,2", "trainer.epochs=60", "hydra.launcher.slots=1"]
    process = start(tmp_path, *command, "hydra.sweep.dir=sweep")
    second = RunDirectory(tmp_path / "sweep" / "1")
    wait_for(lambda: rows(second) > 500)
    process.send_signal(signum)
    process.communicate(timeout=60)
    for directory in find(tmp_path / "sweep"):
        let_go(directory)

    assert process.returncode == (-9 if signum == signal.SIGKILL else 130)
    parent, *jobs = store(tmp_path).runs()
    assert parent.info.status == "KILLED"
    assert [job.info.status for job in jobs] == ["FINISHED", "KILLED"]
    assert_each_once(local_table(tmp_path, jobs[0]), 1320)
    assert_each_once(local_table(tmp_path, jobs[1]), rows(second))


def test_doctor_finds_by_heartbeat_what_died_on_another_machine(start, run, store, tmp_path):
    directory = RunDirectory(tmp_path / "outputs" / "run")
    process = start(tmp_path, "runner", *LONG, "hydra.run.dir=outputs/run")
    wait_for(lambda: rows(directory) > 500)
    os.kill(uploader_of(process), signal.SIGKILL)
    process.kill()
    process.communicate()
    [dead] = store(tmp_path).runs()
    assert dead.info.status == "RUNNING"
    assert dead.info.start_time <= int(dead.data.tags["runner.heartbeat"]) <= now()

    doctor = ("runner", "doctor", "--store", "sqlite:///mlflow.db")
    young = run(tmp_path, *doctor)
    assert "no run of schedule-lab is silent" in young.stdout
    assert store(tmp_path).runs()[0].info.status == "RUNNING"

    store(tmp_path).client.set_tag(dead.info.run_id, "runner.heartbeat", str(now() - 301_000))
    old = run(tmp_path, *doctor)
    assert (
        f"({dead.info.run_id[:8]}): closed as KILLED; journal: {platform.node()}:{directory.path}"
        in old.stdout
    )
    [closed] = store(tmp_path).runs()
    assert closed.info.status == "KILLED"
    assert closed.data.tags["reason"] == "no heartbeat for 300 s"

    refused = run(tmp_path, *doctor, "--silent", "1")
    assert refused.returncode == 2
    assert "--silent must be >= 60 seconds, got 1" in refused.stderr
