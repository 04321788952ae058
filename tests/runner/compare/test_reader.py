"""A sweep is read from MLflow alone, as it was logged, by any name that it has."""

import numpy as np
import pytest
from mlflow.tracking import MlflowClient

from runner.compare.archive import Archive
from runner.compare.reader import find, read, with_curves
from runner.errors import ConfigError

from ..processes import Server, table

STEPS = 44


@pytest.fixture(scope="module")
def archive(swept):
    return Archive(swept.uri)


@pytest.fixture(scope="module")
def collection(archive, swept):
    return read(archive, find(archive, "schedule-lab"))


def beside(collection, swept):
    """Each run as it was read, with what MLflow's own client says of it."""
    logged = {run.info.run_id: run for run in swept.children}
    assert logged.keys() == {run.run_id for run in collection.runs}
    return [(run, logged[run.run_id]) for run in collection.runs]


def test_every_job_is_read_with_what_it_competes_as(collection, swept):
    assert collection.run_id == swept.parent.info.run_id
    assert sorted((run.arm, run.rate, run.seed) for run in collection.runs) == [
        (arm, rate, seed) for arm in ("cosine", "wsd") for rate in (0.3, 1e9) for seed in (0, 1)
    ]
    assert {run.total_steps for run in collection.runs} == {STEPS}
    assert all(run.seconds > 0 for run in collection.runs)


def test_curves_are_those_of_the_store(collection, swept):
    for run, logged in beside(collection, swept):
        for curve, key in ((run.val_loss, "val/loss"), (run.val_accuracy, "val/accuracy")):
            assert list(zip(curve.steps, curve.values, strict=True)) == swept.points(logged, key)
        first = swept.points(logged, "loss")[0]
        assert (run.loss.steps[0], run.loss.values[0]) == first


def test_a_diverged_run_says_where_and_holds_its_last_step(collection, swept):
    for run, logged in beside(collection, swept):
        assert (run.diverged_at is not None) == (run.rate == 1e9)
        if run.diverged_at is not None:
            assert run.status == "FAILED"
            assert str(run.diverged_at) == logged.data.tags["diverged.step"]
            assert "not finite" in run.reason
            assert run.loss.steps[-1] == swept.points(logged, "loss")[-1][0]


def test_the_curves_that_are_drawn_hold_every_step(archive, collection, swept):
    chosen = [run.run_id for run in collection.runs if (run.arm, run.rate) == ("wsd", 0.3)]
    drawn = [run for run in with_curves(archive, collection, chosen).runs if run.run_id in chosen]

    for run in drawn:
        logged = MlflowClient(swept.uri).get_run(run.run_id)
        assert list(zip(run.loss.steps, run.loss.values, strict=True)) == swept.points(logged, "loss")
        assert list(zip(run.lr.steps, run.lr.values, strict=True)) == swept.points(logged, "lr")
        assert run.plan["lr"]["name"] == "wsd"
    others = [run for run in with_curves(archive, collection, chosen).runs if run.run_id not in chosen]
    assert not any(len(run.lr.steps) for run in others)


@pytest.mark.parametrize("form", ["id", "beginning", "name", "directory"])
def test_a_sweep_is_found_by_each_of_its_names(form, archive, swept):
    info = swept.parent.info
    which = {
        "id": info.run_id,
        "beginning": info.run_id[:8],
        "name": info.run_name,
        "directory": str(swept.directory),
    }
    assert find(archive, "schedule-lab", which[form]).info.run_id == info.run_id


def test_a_wrong_name_is_answered_with_the_nearest(archive, swept):
    name = swept.parent.info.run_name
    with pytest.raises(ConfigError, match="did you mean 'sweep schedule=cosine,wsd"):
        find(archive, "schedule-lab", name.replace("cosine", "cosin"))
    with pytest.raises(ConfigError, match="did you mean 'schedule-lab'"):
        find(archive, "schedule-lap")
    with pytest.raises(ConfigError, match="holds no sweep"):
        find(archive, "Default")


def test_a_job_is_not_taken_for_its_sweep(archive, swept):
    job = swept.children[0].info
    with pytest.raises(ConfigError, match=f"it is part of the sweep {swept.parent.info.run_id}"):
        read(archive, find(archive, "schedule-lab", job.run_id))


def test_looking_makes_no_store(tmp_path):
    with pytest.raises(ConfigError, match="uri must be a store that is there"):
        Archive(f"sqlite:///{tmp_path}/mlflow.db")
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_a_server_gives_what_its_database_gives(swept, tmp_path):
    server = Server(tmp_path, swept.uri, lambda run_id: table(swept.folder / "mlflow.db", run_id))
    try:
        server.start()
        read_by = []
        for uri in (swept.uri, server.uri):
            archive = Archive(uri)
            found = read(archive, find(archive, "schedule-lab", swept.parent.info.run_id[:6]))
            read_by.append(with_curves(archive, found, [run.run_id for run in found.runs]).runs)
    finally:
        server.kill()
    for local, remote in zip(*read_by, strict=True):
        assert (local.run_id, local.arm, local.plan) == (remote.run_id, remote.arm, remote.plan)
        for name in ("val_loss", "val_accuracy", "loss", "lr"):
            ours, theirs = getattr(local, name), getattr(remote, name)
            np.testing.assert_array_equal(ours.steps, theirs.steps)
            np.testing.assert_array_equal(ours.values, theirs.values)
