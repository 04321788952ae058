"""What is backed up comes back: runs with every point, accounts, artifacts."""

from pathlib import Path

import psycopg2
import pytest

from .stack import stack

pytestmark = [pytest.mark.slow, pytest.mark.soak]


def query(served, text: str):
    """Return what the stack's database answers, by its own password."""
    port = served.instances["postgres"][0].ports["5432"]
    secret = served.variables["POSTGRES_PASSWORD"]
    where = {"host": "127.0.0.1", "port": port, "user": "mlflow", "dbname": "mlflow", "password": secret}
    database = psycopg2.connect(**where)
    try:
        with database, database.cursor() as cursor:
            cursor.execute(text)
            return cursor.fetchall()
    finally:
        database.close()


def kept(served):
    """Return the points, the accounts and the files of a store."""
    points = query(served, "SELECT run_uuid, key, step, value FROM metrics ORDER BY 1, 2, 3")
    files = {
        path.relative_to(served.folder): path.read_bytes()
        for path in (served.folder / "volumes" / "artifacts").rglob("*")
        if path.is_file()
    }
    return points, query(served, "SELECT username FROM users ORDER BY 1"), files


def test_a_backup_comes_back_whole_and_a_wrong_one_changes_nothing():
    with stack() as served:
        served.up("accounts")
        trained = served.run("runner", "tracking=server", "trainer.steps=30")
        assert trained.returncode == 0, trained.stderr
        before = kept(served)
        assert len(before[0]) > 60
        assert {Path(name).name for name in before[2]} >= {"curves.parquet"}

        done = served.run("backup")
        assert done.returncode == 0, done.stderr
        name = done.stdout.split()[1].rstrip(":")
        assert served.run("runner", "tracking=server", "trainer.steps=30", "seed=1").returncode == 0
        assert served.run("admin", "add", "later").returncode == 0
        after = kept(served)
        assert len(after[0]) > len(before[0])

        connected = served.run("restore", name)  # the tracking server is
        assert connected.returncode != 0
        assert "is being accessed by other users" in connected.stderr
        for wrong in ("", "2000-01-01T00-00-00Z", "../artifacts"):
            refused = served.run("restore", wrong)
            assert refused.returncode == 2
            assert refused.stderr == f"error: NAME must be one of these, got '{wrong}': {name}\n"
        assert kept(served) == after

        served.instances["tracking"][0].stop()
        restored = served.run("restore", name)
        assert (restored.returncode, restored.stdout) == (0, f"restored {name}\n"), restored.stderr
        back = kept(served)
        assert back[:2] == before[:2]
        assert before[2].items() <= back[2].items()

        upgraded = served.run("upgrade")  # it has the schema of this MLflow already
        assert upgraded.returncode == 0, upgraded.stderr
        served.start("tracking")
        assert kept(served)[:2] == before[:2]
        assert "runner" in served.run("admin", "list").stdout
        assert served.run("runner", "tracking=server", "trainer.steps=30", "seed=2").returncode == 0


def test_a_store_of_ones_own_moves_in_with_its_files(run, store, tmp_path):
    assert run(tmp_path, "runner", "trainer.steps=30").returncode == 0
    [run_of_mine] = store(tmp_path).runs()
    with stack() as served:
        served.up("accounts")
        moved = served.run("move", str(tmp_path / "mlflow.db"))
        assert moved.returncode == 0, moved.stderr
        assert "moved   1 run, " in moved.stdout

        points, _, files = kept(served)
        assert len([key for _, key, *_ in points if key == "loss"]) == 30
        assert {path.name for path in files} >= {"curves.parquet", "config.yaml"}
        where = query(served, f"SELECT artifact_uri FROM runs WHERE run_uuid = '{run_of_mine.info.run_id}'")
        assert where[0][0].startswith("mlflow-artifacts:/")
        granted = served.run("admin", "grant", "runner", "schedule-lab", "EDIT")  # nobody made it here
        assert granted.returncode == 0, granted.stderr
        assert served.run("runner", "tracking=server", "trainer.steps=30", "seed=1").returncode == 0
        again = served.run("move", str(tmp_path / "mlflow.db"))
        assert again.returncode == 2
        assert again.stderr.startswith("error: ")
