"""MLflow's variables, stores and experiments that are not what they seem, and commands before any run."""

import os
import subprocess
import sys

import mlflow
import pytest
from mlflow.tracking import MlflowClient

from runner.commands.table import COMMANDS
from runner.record.directory import RunDirectory
from runner.settings.environment import default_tracking, forget_empty, overruled

from ..conftest import environment


def test_variables_of_mlflow_are_the_defaults(run, tmp_path):
    theirs = {"MLFLOW_TRACKING_URI": f"sqlite:///{tmp_path}/theirs.db", "MLFLOW_EXPERIMENT_NAME": "mine"}
    done = run(tmp_path, "runner", "trainer.steps=2", "hydra.run.dir=run", **theirs)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "theirs.db").exists()
    assert not (tmp_path / "mlflow.db").exists()
    assert RunDirectory(tmp_path / "run").order.experiment == "mine"
    assert "not followed" not in done.stderr
    assert ": the highest accuracy\n" in done.stdout  # which best is meant


def test_the_command_line_wins_and_says_so(run, tmp_path):
    theirs = {
        "MLFLOW_TRACKING_URI": "sqlite:///theirs.db",
        "MLFLOW_RUN_ID": "abc",
        "MLFLOW_EXPERIMENT_NAME": "",
    }
    told = run(
        tmp_path, "runner", "trainer.steps=2", "tracking.uri=sqlite:///a.db", "trainer.epochs=x", **theirs
    )
    assert told.returncode == 2
    done = run(tmp_path, "runner", "trainer.steps=2", "tracking.uri=sqlite:///a.db", **theirs)
    assert done.returncode == 0, done.stderr
    notes = [line for line in done.stderr.splitlines() if line.startswith("note")]
    assert notes == [
        "note   MLFLOW_TRACKING_URI=sqlite:///theirs.db is not followed: tracking.uri is sqlite:///a.db",
        "note   MLFLOW_RUN_ID is not followed: every run is a new one, in the experiment schedule-lab",
    ]
    assert not (tmp_path / "theirs.db").exists()


def test_other_commands_look_where_the_variables_say(monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:1")
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", " ")
    forget_empty()
    assert default_tracking().uri == "http://127.0.0.1:1"
    assert default_tracking().experiment == "schedule-lab"
    assert overruled("http://127.0.0.1:1", "schedule-lab") == []


@pytest.mark.parametrize(
    "command",
    [["trainer.steps=2"], ["compare"], ["doctor", "--store", "sqlite:///mlflow.db"], ["predict", "abc"]],
)
def test_a_file_that_is_no_database_is_named(command, run, tmp_path):
    (tmp_path / "mlflow.db").write_text("hello, this is a text and no database")
    done = run(tmp_path, "runner", *command)
    assert done.returncode == 2
    assert f"must be a SQLite database, got the file {tmp_path}/mlflow.db, which is none" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_deleted_experiment_is_told_apart_from_none(run, tmp_path):
    client = MlflowClient(f"sqlite:///{tmp_path}/mlflow.db")
    client.delete_experiment(client.create_experiment("schedule-lab"))
    mlflow.set_tracking_uri(None)
    done = run(tmp_path, "runner", "compare")
    assert done.returncode == 2
    assert "must be one that was not deleted, got 'schedule-lab'; restore it in MLflow" in done.stderr


@pytest.mark.parametrize("command", ["sync", "doctor"])
def test_before_any_run_there_is_nothing_to_do(command, run, tmp_path):
    done = run(tmp_path, "runner", command)
    assert (done.returncode, done.stderr) == (0, "")
    wrong = run(tmp_path, "runner", command, "elsewhere")
    assert wrong.returncode == 2
    assert "the folder must exist, got 'elsewhere'" in wrong.stderr


def test_the_help_lists_every_command(run, tmp_path):
    done = run(tmp_path, "runner", "--help")
    assert done.returncode == 0
    for name, command in COMMANDS.items():
        assert any(
            line.split()[3:4] == [name] and line.endswith(command.purpose)
            for line in done.stdout.splitlines()
        ), name


def test_a_reader_that_has_gone_is_no_error(tmp_path):
    reader, writer = os.pipe()
    os.close(reader)  # as head does when it has its lines
    command = [sys.executable, "-m", "runner", "compare", "--help"]
    done = subprocess.run(command, env=environment(), stdout=writer, stderr=subprocess.PIPE, check=False)
    os.close(writer)
    assert (done.returncode, done.stderr) == (0, b"")


def test_a_recipe_in_tokens_says_how_it_is_scaled(run, tmp_path):
    done = run(tmp_path, "runner", "schedule=recipe/llama3_405b")
    assert done.returncode == 2
    scaled = done.stderr.splitlines()[-1].removeprefix("scaled to any run: ")
    again = run(tmp_path, "runner", "schedule=recipe/llama3_405b", *scaled.split(), "trainer.steps=20")
    assert again.returncode == 0, again.stderr
