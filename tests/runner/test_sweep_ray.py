"""Sweeps on a Ray cluster: as on one machine, whatever becomes of the workers."""

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from runner.launch import ray_worker, worker
from runner.launch.description import REFUSED, JobDescription
from runner.record import provenance
from runner.record.directory import RunDirectory
from runner.record.journal import read

from ..conftest import environment
from .processes import rows, sqlite_server, wait_for
from .ray_cluster import Cluster, Node, cluster

pytest.importorskip("ray")
pytestmark = pytest.mark.slow

SWEEP = ["seed=0,1,2,3", "trainer.epochs=150", "trainer.checkpoint_steps=200", "hydra.sweep.dir=sweep"]
STEPS = 3300


@pytest.fixture(scope="module")
def ray(tmp_path_factory) -> Iterator[Cluster]:
    with cluster(tmp_path_factory.mktemp("ray")) as made:
        yield made


@contextmanager
def working(ray: Cluster, count: int) -> Iterator[list[Node]]:
    nodes = [ray.join() for _ in range(count)]
    try:
        for node in nodes:
            wait_for(node.is_up)
        yield nodes
    finally:
        for node in nodes:
            node.kill()


def begin(folder: Path, ray: Cluster, *arguments: str) -> "subprocess.Popen[str]":
    folder.mkdir(exist_ok=True)
    command = [sys.executable, "-m", "runner", "-m", "hydra/launcher=ray", *arguments]
    return subprocess.Popen(
        command, cwd=folder, env=ray.environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def job(folder: Path, number: int) -> RunDirectory:
    return RunDirectory(folder / "sweep" / str(number))


def losses(folder: Path) -> list[list[float]]:
    return [read(job(folder, number).steps)["loss"].tolist() for number in range(4)]


def home(node: Node, jobs: list[RunDirectory]) -> list[RunDirectory]:
    """The jobs whose processes are of this node."""
    logs = {str(each.path / "job.log"): each for each in jobs}
    found = []
    for pid in node.processes():
        try:
            found.append(logs[str(Path(f"/proc/{pid}/fd/1").readlink())])
        except (OSError, KeyError):
            continue
    return found


@pytest.mark.soak
def test_jobs_of_a_lost_worker_go_on_elsewhere_and_come_to_what_they_do_on_one_machine(
    ray, start, store, tmp_path
):
    (tmp_path / "calm").mkdir()
    folder = tmp_path / "cut"
    calm = start(tmp_path / "calm", "runner", "-m", *SWEEP)
    with working(ray, 2) as nodes:
        _, err = calm.communicate(timeout=120)
        assert calm.returncode == 0, err
        process = begin(folder, ray, *SWEEP)
        wait_for(lambda: all(rows(job(folder, n)) > 500 for n in (0, 1)) or process.poll() is not None)
        lost = home(nodes[0], [job(folder, n) for n in range(4)])
        assert lost, process.communicate(timeout=5)
        nodes[0].kill()
        out, err = process.communicate(timeout=120)

    assert process.returncode == 0, err
    assert "its worker was lost" in err
    assert "raylet" not in out + err
    assert len(err.splitlines()) == 4 + len(lost), err
    assert losses(folder) == losses(tmp_path / "calm")
    parent, *children = store(folder).runs()
    assert parent.info.status == "FINISHED"
    assert [child.info.status for child in children] == ["FINISHED"] * 4
    for child in children:
        assert [step for step, _ in store(folder).points(child, "loss")] == list(range(STEPS))
    attempts = [each["attempts"] for each in json.loads((folder / "sweep" / "manifest.json").read_text())]
    assert sum(attempts) == 4 + len(lost)
    resumed = {child.data.params["seed"] for child in children if "resumed.at" in child.data.tags}
    assert resumed == {each.path.name for each in lost}


@pytest.mark.soak
def test_a_worker_that_joins_late_is_used(ray, store, tmp_path):
    jobs = [job(tmp_path, n) for n in range(4)]
    with working(ray, 1) as nodes:
        process = begin(tmp_path, ray, *SWEEP, "trainer.epochs=2000")
        wait_for(lambda: rows(jobs[0]) > 100 or process.poll() is not None)
        nodes.append(ray.join())
        wait_for(lambda: home(nodes[1], jobs))
        assert home(nodes[0], jobs)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)


@pytest.mark.soak
def test_jobs_of_a_driver_that_was_killed_stop_and_say_so(ray, store, tmp_path):
    jobs = [job(tmp_path, n) for n in range(2)]
    with working(ray, 2):
        process = begin(tmp_path, ray, *SWEEP, "trainer.epochs=20000")
        wait_for(lambda: all(rows(each) > 100 for each in jobs) or process.poll() is not None)
        process.kill()
        process.communicate(timeout=60)
        wait_for(lambda: all(each.delivered for each in jobs))
    assert {each.info.status for each in store(tmp_path).runs()} == {"KILLED"}


@pytest.mark.soak
def test_journals_reach_a_server_that_was_away(ray, tmp_path):
    jobs = [job(tmp_path, n) for n in range(4)]
    with sqlite_server(tmp_path) as server, working(ray, 2):
        server.start()
        process = begin(tmp_path, ray, *SWEEP, "tracking=server", f"tracking.uri={server.uri}")
        wait_for(lambda: rows(jobs[1]) > 100 or process.poll() is not None)
        server.kill()
        wait_for(lambda: rows(jobs[0]) == rows(jobs[1]) == STEPS or process.poll() is not None)
        server.start()
        _, err = process.communicate(timeout=200)
        assert process.returncode == 0, err
        for each in jobs:
            assert each.sent is not None
            assert server.table(each.sent.run_id)["loss"] == (STEPS, STEPS, STEPS - 1)


@pytest.mark.soak
def test_the_search_outward_and_the_fresh_seeds_are_there_too(run, store, tmp_path):
    done = run(
        tmp_path, "runner", "-m", "hydra/launcher=ray", "hydra.launcher.address=local", "trainer.steps=40",
        "optimizer.lr=0.01,0.02", "hydra.sweeper.extend=1", "hydra.sweeper.final_seeds=[7,8]",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    _, *children = store(tmp_path).runs()
    stages = sorted((each.data.tags["sweep.stage"], each.data.params["optimizer.lr"]) for each in children)
    assert stages == [("final", "0.04")] * 2 + [("tune", "0.01"), ("tune", "0.02"), ("tune", "0.04")]


@pytest.mark.soak
def test_a_sweep_that_was_stopped_goes_on_where_it_was(ray, store, tmp_path):
    with working(ray, 2):
        process = begin(tmp_path, ray, *SWEEP)
        wait_for(lambda: all(rows(job(tmp_path, n)) > 500 for n in (0, 1)) or process.poll() is not None)
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=60)
        assert process.returncode == 128 + signal.SIGTERM, err
        assert "Traceback" not in err
        assert "the same command with sweep.resume=sweep goes on" in out
        assert {each.info.status for each in store(tmp_path).runs()} == {"KILLED"}

        process = begin(tmp_path, ray, *SWEEP[:-1], "sweep.resume=sweep")
        out, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
    parent, *children = store(tmp_path).runs()
    assert parent.info.status == "FINISHED"
    assert [child.info.status for child in children] == ["FINISHED"] * 4
    assert all(len(store(tmp_path).points(child, "loss")) == STEPS for child in children)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (["hydra.launcher.cpus=0"], "hydra.launcher.cpus must be a number > 0, got 0"),
        (["hydra.launcher.gpus=-1"], "hydra.launcher.gpus must be a number >= 0, got -1"),
        (["hydra.launcher.gpus=1.5"], "hydra.launcher.gpus must be a whole number where it is > 1, got 1.5"),
        (["hydra.launcher.retries=-1"], "hydra.launcher.retries must be a whole number >= 0, got -1"),
        (["hydra.launcher.timeout=0"], "hydra.launcher.timeout must be a number > 0, got 0"),
        (["hydra.launcher.address=here"], "hydra.launcher.address must be null, local or HOST:PORT"),
        (["hydra.launcher.address=127.0.0.1:1"], "hydra.launcher.address must be a Ray cluster that answers"),
        (["trainer.threads=null"], "hydra.launcher.cpus must be a number > 0 where trainer.threads is null"),
    ],
)
def test_settings_that_do_not_fit_are_refused(settings, message, run, store, tmp_path):
    done = run(tmp_path, "runner", "-m", "hydra/launcher=ray", "seed=0,1", *settings)
    assert done.returncode == 2, done.stderr
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert not store(tmp_path).exists


def test_without_ray_it_is_said_how_to_install_it(run, tmp_path):
    (tmp_path / "ray.py").write_text("raise ModuleNotFoundError('No module named ray', name='ray')")
    done = run(tmp_path, "runner", "-m", "hydra/launcher=ray", "seed=0,1")
    assert done.returncode == 2
    assert done.stderr.endswith("not installed: pip install 'schedule-lab[ray]'\n")


def test_a_job_that_does_not_see_its_sweep_is_refused(tmp_path):
    origin = provenance.Origin({}, "", "")
    task = JobDescription(tmp_path / "0", "", [], tmp_path, set(), origin, delivers=True)
    ended = ray_worker.train(0, task, None, [])
    assert ended.code == REFUSED
    assert ended.reason.startswith("hydra.sweep.dir must lie on a disk that all workers share")
    assert not task.path.exists()


def test_a_try_waits_for_the_process_of_the_last_one_to_end(tmp_path):
    directory = RunDirectory(tmp_path)
    held = directory.hold()
    threading.Timer(1.5, held.close).start()
    worker._wait_for_last_try(directory)
    assert held.closed


DEVICES = """
import os, sys
from pathlib import Path
import ray
from runner.launch.cluster import Needs
from runner.launch.ray_pool import RayPool

if __name__ == "__main__":
    ray.init(address="local", num_cpus=2, num_gpus=2, include_dashboard=False, object_store_memory=80_000_000)
    for gpus in (0.0, 1.0, 2.0):  # Ray takes our word for it that there are two
        pool = RayPool(ray, Path.cwd(), Needs(1.0, gpus), None, 0, [])
        print(pool.slots, repr(pool.call(os.getenv, "CUDA_VISIBLE_DEVICES")))
"""


@pytest.mark.soak
def test_a_job_sees_the_devices_that_ray_gave_it(tmp_path):
    (tmp_path / "devices.py").write_text(DEVICES)
    command = [sys.executable, "devices.py"]
    quiet = environment() | {"RAY_USAGE_STATS_ENABLED": "0"}
    done = subprocess.run(command, cwd=tmp_path, env=quiet, capture_output=True, text=True, timeout=120)
    assert done.stdout.splitlines() == ["2 ''", "2 '0'", "1 '0,1'"], done.stderr


@pytest.mark.soak
def test_a_cluster_whose_nodes_are_too_small_is_refused(ray, store, tmp_path):
    with working(ray, 1):
        for settings, message in (
            (["hydra.launcher.gpus=1"], "got 1 CPUs and 1 GPUs; of 2 nodes the largest has 1 CPUs"),
            (["hydra.launcher.cpus=2"], "hydra.launcher.cpus and gpus must be what one node has, got 2 CPUs"),
        ):
            process = begin(tmp_path, ray, "seed=0,1", *settings)
            _, err = process.communicate(timeout=60)
            assert process.returncode == 2, err
            assert message in err
    assert not store(tmp_path).exists
