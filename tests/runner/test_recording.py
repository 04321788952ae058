"""A script's own loop, recorded: its steps, its endings, its place in a comparison, and its second start."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import runner
import schedules
from runner.compare import reader
from runner.compare.archive import Archive
from runner.compare.command import main as compare
from runner.record.directory import RunDirectory
from runner.record.journal import count, read
from runner.run.context import Context
from runner.run.resume import resume

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A working directory with a store that all tests here share: opening one takes seconds."""
    made, before = tmp_path_factory.mktemp("recorded"), Path.cwd()
    os.chdir(made)
    yield made
    os.chdir(before)


@pytest.fixture
def mlflow_run(folder, store):
    """The run in MLflow of a recording."""
    return lambda run: store(folder).client.get_run(run.run_id)


def trained(steps=20, first=0, worse=0.0, stop=None, **arguments):
    with runner.record(**arguments) as run:
        for step in range(first, steps):
            if stop == step:
                raise RuntimeError("the loader broke")
            run.step(step=step, lr=0.1 * (1 - step / steps), momentum=0.9, loss=1 / (step + 1))
            if step % 10 == 9:
                run.evaluate(loss=1 / (step + 2) + worse, accuracy=0.5)
    return run


def test_recorded_runs_are_judged_like_the_runners_own(folder, mlflow_run, capsys):
    for name, worse in (("cosine", 0.0), ("wsd", 0.01)):
        for seed in range(2):
            run = trained(schedule=name, lr=0.1, seed=seed, sweep="mine", model="mlp", worse=worse + seed)
    assert "to compare: python -m runner compare mine" in capsys.readouterr().err

    made = mlflow_run(run)
    assert made.info.status == "FINISHED"
    assert made.data.params["optimizer.lr"] == "0.1"
    assert made.data.params["model"] == "mlp"
    assert made.data.metrics["final/val_loss"] == 1 / 21 + 1.01
    assert made.data.tags["mlflow.source.name"].startswith("python ")
    archive = Archive(f"sqlite:///{folder}/mlflow.db")
    collection = reader.read(archive, reader.find(archive, "schedule-lab", "mine"))
    assert [(each.arm, each.seed, each.rate) for each in collection.runs] == [
        ("cosine", 0, 0.1),
        ("cosine", 1, 0.1),
        ("wsd", 0, 0.1),
        ("wsd", 1, 0.1),
    ]
    assert {each.total_steps for each in collection.runs} == {20}
    assert archive.run(made.data.tags["mlflow.parentRunId"]).info.status == "FINISHED"

    assert compare(["mine", "--no-log"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "4 runs, 80 steps" in said
    assert "record runs with fresh seeds in a new sweep" in said
    assert "python -m runner -m" not in said, "no command of ours trains more of these"


def test_a_setting_that_differs_makes_another_competitor(folder):
    for momentum in (0.8, 0.9):
        trained(schedule="cosine", lr=0.1, sweep="momentum", optimizer={"momentum": momentum})
    archive = Archive(f"sqlite:///{folder}/mlflow.db")
    collection = reader.read(archive, reader.find(archive, "schedule-lab", "momentum"))
    told = [each.arm for each in collection.runs]
    assert told == ["cosine optimizer.momentum=0.8", "cosine optimizer.momentum=0.9"]


def test_an_exception_fails_the_run_and_a_second_start_goes_on_with_it(folder, store, mlflow_run, capsys):
    asked = {"schedule": "cosine", "lr": 0.1, "sweep": "resumed", "resume": True}
    with pytest.raises(RuntimeError, match="the loader broke"):
        trained(stop=15, **asked)
    dead = RunDirectory(next((folder / "outputs/record/sweeps/resumed").glob("cosine*")))
    assert (dead.ending.status, dead.ending.tags["reason"]) == ("FAILED", "the loader broke")
    capsys.readouterr()

    run = trained(first=10, **asked)  # its checkpoint is older than what is recorded
    assert (run.directory.path, run.resumed_at, run.steps_done) == (dead.path, 15, 20)
    assert "warning" not in capsys.readouterr().err
    assert read(run.directory.steps)["step"].tolist() == list(range(20))
    assert read(run.directory.evaluations)["step"].tolist() == [10, 20]
    made = mlflow_run(run)
    assert (made.info.status, made.data.tags["resumed.at"]) == ("FINISHED", "15")
    assert store(folder).points(made, "loss") == [(step, 1 / (step + 1)) for step in range(20)]

    with pytest.raises(runner.ConfigError, match=r"holds this run already: cosine lr=0\.1 seed=0 has"):
        runner.record(**asked)


def test_repeated_steps_that_differ_are_reported_and_not_added(folder, capsys):
    run = runner.record(schedule="cosine", note="differs")
    run.step(loss=1.0)
    run.step(loss=2.0)
    run.fail("enough")
    with runner.record(schedule="cosine", note="differs", resume=True) as again:
        with pytest.raises(ValueError, match="step must be given with resume=True, got none; 2 are recorded"):
            again.step(loss=1.0)
        again.step(step=0, loss=1.0)
        again.step(loss=3.0)
        again.step(loss=4.0)
    assert again.directory.path == run.directory.path
    assert read(again.directory.steps)["loss"].tolist() == [1.0, 2.0, 4.0]
    assert "warning: repeating step 1 did not give what the record holds" in capsys.readouterr().err


def test_without_resume_a_run_begins_anew_beside_the_other(folder):
    first, second = (trained(schedule="cosine", note="twice") for _ in range(2))
    assert second.resumed_at is None
    assert first.directory.path != second.directory.path
    assert first.run_id != second.run_id


def test_a_loss_that_is_not_finite_ends_the_run_as_diverged(folder, mlflow_run):
    run = runner.record(lr=0.1)
    run.step(loss=1.0)
    with pytest.raises(runner.Diverged, match="not finite at step 1"):
        run.step(loss=float("inf"))
    tags = mlflow_run(run).data.tags
    assert (mlflow_run(run).info.status, tags["diverged.step"], tags["diverged.last_loss"]) == (
        "FAILED",
        "1",
        "1.0",
    )
    assert count(run.directory.steps) == 2
    with pytest.raises(ValueError, match="must be open, got one that has ended"):
        run.step(loss=1.0)


@pytest.mark.parametrize(
    ("signum", "raised"), [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, SystemExit)]
)
def test_a_signal_ends_the_run_as_killed_after_the_step_at_hand(folder, mlflow_run, signum, raised):
    before = signal.getsignal(signum)
    run = runner.record(schedule="constant", note=signum.name)
    os.kill(os.getpid(), signum)
    with pytest.raises(raised), run:
        run.step(loss=1.0)
    assert (mlflow_run(run).info.status, count(run.directory.steps)) == ("KILLED", 1)
    assert mlflow_run(run).data.tags["reason"] == f"stopped by signal {signum.value}"
    assert signal.getsignal(signum) == before


def test_a_schedule_itself_is_logged_drawn_and_held_against_the_recorded_rates(folder, mlflow_run, capsys):
    rate = schedules.build("cosine", total_steps=10, peak_value=0.1)
    run = runner.record(schedule=rate, note="plan")  # a plain object, too
    for step in range(10):
        run.step(loss=1.0, lr=rate(step) if step != 7 else 0.5)
    run.finish()
    assert "warning: from step 7 on, lr was not what the schedule says" in capsys.readouterr().err
    made = mlflow_run(run).data
    assert (made.params["schedule.lr.peak_value"], made.params["total_steps"]) == ("0.1", "10")
    assert (made.tags["schedule"], made.tags["plan.followed"]) == ("cosine", "no: lr at step 7")
    assert (run.directory.artifacts / "plan.json").exists()


def test_another_process_at_the_same_run_is_refused(folder):
    with runner.record(schedule="cosine", note="alive", sweep="alive") as run:
        with pytest.raises(runner.ConfigError, match="is being recorded"):
            runner.record(schedule="cosine", note="alive", sweep="alive")
        run.step(loss=1.0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"lr": 0}, "lr must be a number > 0, got 0"),
        ({"lr": "fast"}, "lr must be a number > 0, got fast"),
        ({"seed": -1}, "seed must be a whole number >= 0 and < 2^63, got -1"),
        ({"seed": None}, "seed must be a whole number >= 0 and < 2^63, got None"),
        ({"total_steps": 0.5}, "total_steps must be a whole number >= 1, got 0.5"),
        ({"sweep": "a/b"}, "sweep must be a name of letters, digits, spaces and . _ = + -, got 'a/b'"),
        ({"sweep": ""}, "sweep must be a name"),
        ({"schedule": ""}, "schedule must be a name or a schedule, got an empty text"),
        ({"schedule": 3}, "schedule must be a name or a schedule, got 3"),
        ({"model": object()}, "model must be a text, a number, true, false, none, or a list or mapping"),
        ({"optimizer": {"lr": 0.2}, "lr": 0.1}, "optimizer.lr must be given once"),
        ({"tracking": {"url": "x"}}, "no setting 'url' in tracking; did you mean 'uri'?"),
        ({"tracking": {"every": 0}}, "tracking.every must be a whole number >= 1, got 0"),
        ({"tracking": {"uri": "http://me:secret@host"}}, "tracking.uri must hold no password"),
    ],
)
def test_what_cannot_be_is_said_before_anything_is_made(tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(runner.ConfigError) as raised:
        runner.record(**arguments)
    assert message in str(raised.value)
    assert not any(tmp_path.iterdir())


def test_rows_that_cannot_be_are_refused(folder):
    run = runner.record(schedule="cosine", note="rows")
    run.step(loss=1.0, lr=0.1)
    for call, message in (
        (lambda: run.step(loss=1.0), r"step\(\): must be given loss, lr as in the first row, got loss"),
        (lambda: run.step(loss="low", lr=0.1), r"step\(\): loss must be a number, got 'low'"),
        (lambda: run.step(loss=1.0, lr=0.1, step=0), r"step must be above the one before, 0, got 0"),
        (lambda: run.step(loss=1.0, lr=0.1, step=1.5), r"step must be a whole number >= 0, got 1.5"),
    ):
        with pytest.raises(ValueError, match=message):
            call()
    run.evaluate(loss=1.0)
    with pytest.raises(ValueError, match="evaluate"):
        run.evaluate(loss=1.0)
    run.fail("enough")
    assert count(run.directory.steps) == 1


def test_a_recorded_run_is_not_resumed_by_the_command(folder):
    made = runner.record(schedule="cosine", note="resume=")
    made.step(loss=1.0)
    made.fail("enough")
    with pytest.raises(runner.ConfigError, match="got one that a script recorded"):
        resume(str(made.directory.path), [], Context())


def test_a_name_is_the_function_whatever_was_imported_first():
    code = "import runner.record.directory, runner; runner.record(lr=-1)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert "ConfigError: lr must be a number > 0, got -1" in done.stderr


@pytest.mark.parametrize("name", ["record", "run", "sweep", "load"])
def test_without_the_runners_packages_their_extra_is_named(monkeypatch, name):
    monkeypatch.setitem(sys.modules, "hydra", None)
    arguments = ["x"] if name == "load" else []
    with pytest.raises(ValueError, match=r"pip install 'schedule-lab\[runner\]'"):
        getattr(runner, name)(*arguments)


PAGE = (ROOT / "docs/your-loop.md").read_text()
SCRIPT = re.search(r"^```python\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)


@pytest.mark.slow
def test_the_pages_script_survives_kill_9_with_every_step_once(tmp_path, store):
    assert SCRIPT is not None
    (tmp_path / "train.py").write_text(SCRIPT[1])
    command = [sys.executable, "train.py", "cosine", "0"]
    known = {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"} | {
        key: value for key, value in os.environ.items() if not key.startswith("MLFLOW_")
    }
    process = subprocess.Popen(command, cwd=tmp_path, env=known)
    sweep = tmp_path / "outputs/record/sweeps/mine"
    deadline = time.monotonic() + 120
    while not (held := [*sweep.glob("cosine*/steps.journal")]) or count(held[0]) < 350:
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.005)
    process.kill()
    process.wait()
    directory = RunDirectory(held[0].parent)
    before = count(directory.steps)
    assert before < 1000

    again = subprocess.run(command, cwd=tmp_path, env=known, capture_output=True, text=True, check=False)
    assert (again.returncode, "warning" in again.stderr) == (0, False), again.stderr
    rows = read(directory.steps)
    assert rows["step"].tolist() == list(range(1000))
    assert read(directory.evaluations)["step"].tolist() == list(range(200, 1001, 200))
    assert directory.order.resumed == [before]
    made = [each for each in store(tmp_path).runs() if "mlflow.parentRunId" in each.data.tags]
    assert [each.info.status for each in made] == ["FINISHED"]
    for key in ("loss", "lr"):
        assert store(tmp_path).points(made[0], key) == list(zip(range(1000), rows[key].tolist(), strict=True))
    shutil.rmtree(tmp_path / "outputs")
