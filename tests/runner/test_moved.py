"""A SQLite store whose folder was moved: said, and mended by one command."""

import sqlite3
from contextlib import closing

from runner.tracking import moved


def folders(client, run_ids):
    return [{file.path for file in client.list_artifacts(run_id)} for run_id in run_ids]


def test_a_store_that_moved_is_said_and_mended(run, store, tmp_path):
    old, new = tmp_path / "old", tmp_path / "new place"
    old.mkdir()
    assert (
        run(old, "runner", "schedule=constant", "trainer.steps=2", "hydra.run.dir=outputs/first").returncode
        == 0
    )
    assert moved.warning(f"sqlite:///{old}/mlflow.db") is None
    old.rename(new)

    second = run(new, "runner", "trainer.steps=2", "hydra.run.dir=outputs/second")
    assert second.returncode == 0, second.stderr
    assert f"the store {new}/mlflow.db was moved or copied" in second.stderr
    assert "python -m runner relocate sqlite:///mlflow.db mends it" in second.stderr
    lost = run(new, "runner", "resume=outputs/first", "trainer.steps=4")
    assert lost.returncode == 2
    assert "python -m runner relocate STORE DIR" in lost.stderr
    assert not (old / "mlflow.db").exists()

    mended = run(new, "runner", "relocate")
    assert mended.returncode == 0, mended.stderr
    assert "1 run folder in outputs now name this store" in mended.stdout
    assert f"1 location kept, for their files lie only in {old}/mlruns" in mended.stdout
    on = run(new, "runner", "resume=outputs/first", "trainer.steps=4")
    assert on.returncode == 0, on.stderr
    assert "relocate" not in on.stderr
    assert run(new, "runner", "trainer.steps=2").returncode == 0
    held = store(new)
    runs = held.runs()
    assert len(runs) == 3
    assert all("plan.json" in found for found in folders(held.client, [r.info.run_id for r in runs]))
    assert len(list(old.glob("mlruns/*"))) == 1  # the second run's
    assert len(list(new.glob("mlruns/*"))) == 2


def test_a_location_that_somebody_chose_is_no_move(tmp_path):
    with closing(sqlite3.connect(tmp_path / "a.db")) as database, database:
        database.execute("CREATE TABLE experiments (artifact_location TEXT)")
        places = [
            "s3://bucket/mlruns",
            f"{tmp_path}/elsewhere/files",
            "mlruns/0",
            None,
            f"{tmp_path}/mlruns/0",
        ]
        database.executemany("INSERT INTO experiments VALUES (?)", [[place] for place in places])
    assert moved.old_folders(tmp_path / "a.db") == []
    (tmp_path / "disk/mlruns").mkdir(parents=True)
    with closing(sqlite3.connect(tmp_path / "a.db")) as database, database:
        database.execute("INSERT INTO experiments VALUES (?)", [f"file://{tmp_path}/disk/mlruns"])
    assert moved.old_folders(tmp_path / "a.db") == []  # the database alone was moved: the files are found
    (tmp_path / "mlruns").mkdir()
    assert moved.old_folders(tmp_path / "a.db") == [tmp_path / "disk/mlruns"]


def test_other_stores_are_refused(run, tmp_path):
    for told in ("http://localhost:1", "sqlite:///none.db"):
        done = run(tmp_path, "runner", "relocate", told)
        assert done.returncode == 2
        assert f"STORE must be a SQLite store that is there, got '{told}'" in done.stderr
