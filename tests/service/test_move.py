"""A store moves whole: every row, every file, and the counters behind them."""

import re
import signal
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa
from mlflow.data.http_dataset_source import HTTPDatasetSource
from mlflow.data.meta_dataset import MetaDataset
from mlflow.entities import DatasetInput, Metric, Param
from mlflow.tracking import MlflowClient

from runner.errors import ConfigError
from runner.record.directory import Order, RunDirectory
from runner.service.artifacts import LOCATIONS, Artifacts
from runner.service.move import main
from runner.service.stores import TABLES, Database

from ..runner.processes import postgres_server, wait_for

HOSTILE = "Robert'); DROP TABLE runs;-- <script>alert(1)</script> \u202eevil\U0001f642\n$(x) \\ %s :x"
EXTREMES = {"nan": float("nan"), "inf": float("inf"), "-inf": float("-inf"), "tiny": 5e-324, "big": 1.7e308}


@pytest.fixture(scope="module")
def source(run, tmp_path_factory):
    """The folder of a sweep with two runs, and a store with what else MLflow keeps."""
    folder = tmp_path_factory.mktemp("source")
    done = run(folder, "runner", "-m", "seed=0,1", "schedule=constant", "trainer.steps=20")
    assert done.returncode == 0, done.stderr
    client = MlflowClient(f"sqlite:///{folder}/mlflow.db")
    experiment = client.create_experiment(HOSTILE, (folder / "else where").as_uri(), tags={"a": HOSTILE})
    hostile = client.create_run(experiment, run_name=HOSTILE).info.run_id
    points = [Metric(key, value, 1_700_000_000_123, -3) for key, value in EXTREMES.items()]
    client.log_batch(hostile, metrics=points, params=[Param("long", "\u00e4" * 6000), Param("empty", "")])
    client.log_text(hostile, HOSTILE, "a folder/b.txt")
    data = MetaDataset(HTTPDatasetSource("http://example.org/x"), name="data")
    client.log_inputs(hostile, [DatasetInput(data._to_mlflow_entity())])
    client.create_registered_model("net")
    kept = client.create_model_version(
        "net", f"{(folder / 'else where').as_uri()}/{hostile}/artifacts", hostile
    )
    client.set_registered_model_alias("net", "best", kept.version)
    client.set_terminated(hostile)
    client.delete_run(hostile)
    odd = {"id": "j", "creation_time": 1, "job_name": HOSTILE, "params": "{}", "status": 1, "retry_count": 0}
    odd |= {"last_update_time": 2, "workspace": "default", "progress": "null"}
    odd |= {"status_details": '{"a": [1, null, "\\u00e4"]}'}
    secret = {"secret_id": "s", "secret_name": "n", "encrypted_value": b"\0\1\xff", "wrapped_dek": b""}
    secret |= {
        "masked_value": "{}",
        "created_at": 1,
        "last_updated_at": 1,
        "kek_version": 1,
        "workspace": "w",
    }
    with Database(address(folder)).engine.begin() as connection:
        for table, row in {"jobs": odd, "secrets": secret}.items():
            values = ", ".join(f":{name}" for name in row)
            connection.execute(sa.text(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({values})"), row)
    return folder


@pytest.fixture(scope="module")
def postgres(tmp_path_factory):
    with postgres_server(tmp_path_factory.mktemp("served")) as server:
        yield server


@pytest.fixture
def new_database(postgres, request):
    """The address of a database of the test's own."""
    admin = sa.create_engine(postgres.backend, isolation_level="AUTOCOMMIT")
    name = f"t{abs(hash(request.node.name))}"
    with admin.connect() as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name}"))
    admin.dispose()
    return sa.make_url(postgres.backend).set(database=name).render_as_string(hide_password=False)


def address(folder: Path) -> str:
    return f"sqlite:///{folder}/mlflow.db"


def content(uri: str) -> dict[str, list[str]]:
    """Every row of every table, but for where artifacts are."""
    with Database(uri).read() as connection:
        return {
            table.name: sorted(
                repr([row[c.name] for c in table.columns if c.name not in LOCATIONS.get(table.name, ())])
                for row in connection.execute(sa.select(table)).mappings()
            )
            for table in TABLES
        }


def runs(client: MlflowClient) -> dict[str, object]:
    found = client.search_runs([e.experiment_id for e in client.search_experiments(3)], run_view_type=3)
    return {
        each.info.run_id: (
            each.info.run_name,
            each.info.status,
            each.info.start_time,
            each.data.tags,
            each.data.params,
            {
                key: sorted(
                    (p.step, p.timestamp, repr(p.value))
                    for p in client.get_metric_history(each.info.run_id, key)
                )
                for key in each.data.metrics
            },
            [(i.dataset.name, i.dataset.digest) for i in each.inputs.dataset_inputs],
        )
        for each in found
    }


@pytest.mark.slow
def test_every_row_and_file_arrives_and_the_server_goes_on_from_there(source, postgres, run, store, tmp_path):
    folder = Path(postgres._folder)
    (folder / "files").mkdir()
    done = run(
        source, "runner", "move", address(source), postgres.backend, "--artifacts", str(folder / "files")
    )
    assert done.returncode == 0, done.stderr
    assert "moved   4 runs, " in done.stdout
    assert "the same count in both" in done.stdout
    assert content(postgres.backend) == content(address(source))

    postgres.start()
    before, after = MlflowClient(address(source)), MlflowClient(postgres.uri)
    assert runs(after) == runs(before)
    assert len(runs(after)) == 4
    version = after.get_model_version_by_alias("net", "best")
    for run_id in runs(after):
        (tmp_path / run_id).mkdir()
        there = Path(after.download_artifacts(run_id, "", str(tmp_path / run_id)))
        here = Path(before.download_artifacts(run_id, ""))
        names = sorted(file.relative_to(here) for file in here.rglob("*") if file.is_file())
        assert names == sorted(file.relative_to(there) for file in there.rglob("*") if file.is_file())
        assert all((here / name).read_bytes() == (there / name).read_bytes() for name in names)
        assert after.get_run(run_id).info.artifact_uri.startswith("mlflow-artifacts:/")
        if run_id == version.run_id:
            assert version.source == after.get_run(run_id).info.artifact_uri
            assert names == [Path("a folder/b.txt")]

    new = after.create_run("1", run_name="new").info.run_id
    after.log_metric(new, "loss", 1.0, step=3)
    assert [point.step for point in after.get_metric_history(new, "loss")] == [3]
    assert int(after.create_experiment("a new one")) == 1 + max(
        int(each.experiment_id) for each in before.search_experiments(3)
    )

    refused = run(source, "runner", "move", address(source), postgres.backend)
    assert refused.returncode == 2
    assert "TARGET must be an empty store" in refused.stderr


@pytest.mark.slow
@pytest.mark.soak
def test_a_killed_move_leaves_nothing_and_is_done_again(source, new_database, start, run, tmp_path):
    with (
        closing(sqlite3.connect(source / "mlflow.db")) as whole,
        closing(sqlite3.connect(tmp_path / "mlflow.db")) as large,
    ):
        whole.backup(large)
        [run_id] = large.execute("SELECT run_uuid FROM runs WHERE name LIKE 'const%' LIMIT 1").fetchone()
        rows = (("many", step / 3, step, run_id, step, 0) for step in range(200_000))
        large.executemany(
            "INSERT INTO metrics (key, value, timestamp, run_uuid, step, is_nan) VALUES (?, ?, ?, ?, ?, ?)",
            rows,
        )
        large.commit()
    watch = sa.create_engine(new_database, isolation_level="AUTOCOMMIT")

    def copying():
        busy = sa.text("SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'INSERT INTO metrics %'")
        with watch.connect() as connection:
            return connection.execute(busy).scalar()

    command = ["runner", "move", address(tmp_path), new_database]
    process = start(tmp_path, *command)
    wait_for(lambda: copying() or process.poll() is not None)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    with watch.connect() as connection:
        assert connection.execute(sa.text("SELECT count(*) FROM runs")).scalar() == 0

    done = run(tmp_path, *command)
    assert done.returncode == 0, done.stderr
    assert "left where they are" in done.stdout
    assert content(new_database) == content(address(tmp_path))
    watch.dispose()


@pytest.mark.slow
@pytest.mark.soak
def test_a_nul_is_refused_by_name_or_replaced_as_asked(source, new_database, run, tmp_path):
    with (
        closing(sqlite3.connect(source / "mlflow.db")) as whole,
        closing(sqlite3.connect(tmp_path / "mlflow.db")) as copied,
    ):
        whole.backup(copied)
    store = MlflowClient(address(tmp_path))
    [first, *_] = store.search_runs(["1"])
    store.set_tag(first.info.run_id, "odd", "a\0b")
    command = ["runner", "move", address(tmp_path), new_database]

    refused = run(tmp_path, *command)
    assert refused.returncode == 2, refused.stderr
    assert f"tags.value of {{'key': 'odd', 'run_uuid': '{first.info.run_id}'}} holds the character NUL" in (
        refused.stderr
    )
    done = run(tmp_path, *command, "--replace-nul")
    assert done.returncode == 0, done.stderr
    assert "changed 1 texts" in done.stdout
    assert MlflowClient(new_database).get_run(first.info.run_id).data.tags["odd"] == "a\ufffdb"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A store with one run that has ended."""
    folder = tmp_path_factory.mktemp("small")
    client = MlflowClient(address(folder))
    client.set_terminated(client.create_run("0").info.run_id)
    return folder / "mlflow.db"


@pytest.fixture
def small(made, tmp_path, monkeypatch):
    """A copy of it in the working directory."""
    monkeypatch.chdir(tmp_path)
    with closing(sqlite3.connect(made)) as whole, closing(sqlite3.connect("mlflow.db")) as copied:
        whole.backup(copied)
    return tmp_path


def change(statement: str) -> None:
    with closing(sqlite3.connect("mlflow.db")) as database:
        database.execute(statement)
        database.commit()


def test_a_store_in_use_is_refused(small):
    change("UPDATE runs SET status = 'RUNNING'")
    with pytest.raises(ConfigError, match=r"no run of SOURCE may be RUNNING, got 1 in sqlite:///mlflow.db"):
        main(["sqlite:///mlflow.db", "sqlite:///new.db"])
    assert not content("sqlite:///new.db")["runs"]


def test_a_store_of_another_version_is_refused_with_the_command_that_upgrades_it(small):
    change("UPDATE alembic_version SET version_num = 'bf29a5ff90ea'")
    told = "got bf29a5ff90ea; after a backup: python -m mlflow db upgrade sqlite:///mlflow.db"
    with pytest.raises(ConfigError, match=told):
        main(["sqlite:///mlflow.db", "sqlite:///new.db"])
    assert not (small / "new.db").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["sqlite:///none.db", "sqlite:///new.db"], "SOURCE must be a store, got sqlite:///none.db"),
        (["sqlite:///mlflow.db", "sqlite:///mlflow.db"], "TARGET must be another store than SOURCE"),
        (["sqlite:///mlflow.db", "postgresql://me:secret@127.0.0.1:1/x"], "cannot open postgresql://me:***@"),
        (["sqlite:///mlflow.db", "nonsense"], "cannot open what is no database address"),
        (["sqlite:///mlflow.db", "sqlite:///new.db", "--artifacts", "none"], "--artifacts must be a folder"),
        (["sqlite:///mlflow.db"], "the following arguments are required: TARGET"),
    ],
)
def test_a_mistake_is_one_line(arguments, message, small):
    with pytest.raises(ConfigError, match=re.escape(message)) as told:
        main(arguments)
    assert "secret" not in str(told.value)
    assert "\n" not in str(told.value)


def test_an_address_that_leads_out_of_its_experiment_is_left_alone(tmp_path):
    moving = Artifacts(tmp_path)
    moving.change("experiments", {"experiment_id": 1, "artifact_location": "file:///a/mlruns"})
    uri = "file:///a/mlruns/../../etc"
    row = {"experiment_id": 1, "run_uuid": "r", "artifact_uri": uri}
    assert moving.change("runs", row)["artifact_uri"] == uri
    assert moving.left == [uri]
    assert not moving.folders


def test_run_folders_of_a_store_that_moved_name_the_new_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    old, other = f"sqlite:///{tmp_path}/mlflow.db", "http://127.0.0.1:5000"
    for name, uri in {"a": old, "b": other}.items():
        folder = RunDirectory(tmp_path / "outputs" / name)
        folder.path.mkdir(parents=True)
        folder.write(Order(name, uri, "e", "n", {"seed": 1}, {}, 5, plan={"lr": 1}))
    before = RunDirectory(tmp_path / "outputs" / "a").order

    assert main(["--runs", "outputs", "sqlite:///mlflow.db", "http://tracking:5000"]) == 0
    assert RunDirectory(tmp_path / "outputs" / "a").order == replace(before, uri="http://tracking:5000")
    assert RunDirectory(tmp_path / "outputs" / "b").order.uri == other


@pytest.mark.slow
@pytest.mark.soak
def test_runs_of_a_store_that_moved_are_sent_to_the_new_one(run, store, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = run(tmp_path, "runner", "trainer.steps=3", "schedule=constant", "hydra.run.dir=outputs/a")
    assert done.returncode == 0, done.stderr
    (tmp_path / "new").mkdir()
    addresses = ["sqlite:///mlflow.db", "sqlite:///new/mlflow.db"]
    assert main(addresses) == 0
    assert main(["--runs", "outputs", *addresses]) == 0

    longer = run(tmp_path, "runner", "resume=outputs/a", "trainer.steps=5")
    assert longer.returncode == 0, longer.stderr
    [old], [new] = store(tmp_path).runs(), store(tmp_path / "new").runs()
    assert len(store(tmp_path).points(old, "loss")) == 3
    assert len(store(tmp_path / "new").points(new, "loss")) == 5

    with pytest.raises(ConfigError, match="which has none"):
        main(["--runs", "outputs", *addresses])
