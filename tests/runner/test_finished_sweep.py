"""A new command may not write into a finished sweep's folder, whichever launcher and sweeper it names."""

import importlib.util

import pytest

pytestmark = pytest.mark.slow

JOBS = ["-m", "trainer.epochs=1", "hydra.sweep.dir=sweep"]


@pytest.fixture(scope="module")
def finished(run, tmp_path_factory):
    """The folder of a sweep that has ended."""
    folder = tmp_path_factory.mktemp("finished")
    done = run(folder, "runner", *JOBS, "seed=0,1")
    assert done.returncode == 0, done.stderr
    return folder


def content(folder):
    """Every file of a folder with its time of change: what a refused command must leave alone."""
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    "plugins",
    [
        [],
        ["hydra/launcher=basic"],
        ["hydra/sweeper=basic"],
        ["hydra/launcher=basic", "hydra/sweeper=basic"],
        ["hydra/launcher=submitit_local", "hydra/sweeper=basic"],
    ],
    ids=" ".join,
)
def test_it_is_refused_in_the_same_line(plugins, finished, run, store):
    if any("submitit" in each for each in plugins) and not importlib.util.find_spec("submitit"):
        pytest.skip("submitit is not installed")
    before, runs = content(finished / "sweep"), len(store(finished).runs())
    done = run(finished, "runner", *JOBS, "seed=0,1,2", *plugins)

    assert done.returncode == 2
    [line] = done.stderr.strip().splitlines()
    assert line.startswith("error: hydra.sweep.dir must be a new folder, got ")
    assert "which holds a sweep; to go on with that one: sweep.resume=" in line
    assert content(finished / "sweep") == before
    assert len(store(finished).runs()) == runs
