"""``python -m runner compare``: one command from a sweep in MLflow to an answer, and back into MLflow."""

import json

import numpy as np
import pytest

from runner.compare.command import main
from runner.compare.report import report_on
from runner.errors import ConfigError

FILES = {"report.html", "findings.json", "curves.png", "differences.png", "response.png", "schedules.png"}


def best_by_hand(swept):
    """The lowest mean of ``final/val_loss`` over seeds, with its schedule and rate."""
    losses = {}
    for run in swept.children:
        if run.info.status == "FINISHED":
            at = run.data.tags["schedule"], float(run.data.params["optimizer.lr"])
            losses.setdefault(at, []).append(run.data.metrics["final/val_loss"])
    return min((np.mean(found), *at) for at, found in losses.items())


def artifacts(swept):
    held = swept.client.list_artifacts(swept.parent.info.run_id, "report")
    return {file.path.removeprefix("report/") for file in held}


def test_it_prints_writes_and_logs_the_answer(run, swept):
    done = run(swept.folder, "runner", "compare", "--out", "answer")

    assert (done.returncode, done.stderr) == (0, "")
    mean, arm, rate = best_by_hand(swept)
    written = {file.name for file in (swept.folder / "answer").iterdir()}
    assert written >= FILES
    assert artifacts(swept) == written
    held = json.loads((swept.folder / "answer/findings.json").read_text())
    first = held["standings"][0]
    assert (first["arm"], first["rate"]) == (arm, rate)
    assert first["final_loss"]["mean"] == pytest.approx(mean)
    assert held["ledger"]["runs"] == 8
    assert held["ledger"]["diverged"] == 4
    assert held["answer"][0] in done.stdout
    assert "answer/report.html" in done.stdout


def test_no_log_leaves_mlflow_as_it_is(swept, tmp_path, capsys):
    before = artifacts(swept)
    again = ["--uri", swept.uri, "--no-log", "--out", str(tmp_path / "elsewhere"), "--baseline", "wsd"]
    assert main([swept.parent.info.run_id[:7], *again]) == 0

    assert artifacts(swept) == before
    assert "as artifacts" not in capsys.readouterr().out
    held = json.loads((tmp_path / "elsewhere/findings.json").read_text())
    assert [each["arm"] for each in held["differences"]] == ["cosine"]
    assert held["question"]["baseline"] == "wsd"


def test_a_directory_says_where_its_store_is(swept, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main([str(swept.directory), "--no-log"]) == 0
    assert (tmp_path / "outputs/compare" / swept.parent.info.run_id / "report.html").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--baseline", "cosin"], "did you mean 'cosine'"),
        (["--alpha", "1.5"], "alpha must be a number > 0 and < 1, got 1.5"),
        (["--target", "low"], "argument --target: invalid float value: 'low'"),
        (["--experiment", "schedule-lap"], "did you mean 'schedule-lab'"),
        (["--basline", "wsd"], "unrecognized arguments: --basline"),
        (["nonsuch"], "no sweep is named 'nonsuch'"),
    ],
)
def test_a_mistake_is_named_and_writes_nothing(arguments, message, swept, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match=message):
        main([*arguments, "--uri", swept.uri])
    assert not list(tmp_path.iterdir())


def test_a_mistake_ends_with_2_and_one_line(run, tmp_path):
    done = run(tmp_path, "runner", "compare", "--uri", "sqlite:///none.db")
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("error: uri must be a store that is there")
    assert len(done.stderr.splitlines()) == 1
    assert not list(tmp_path.iterdir())


def test_a_sweep_that_ends_is_reported_in_mlflow(swept, tmp_path):
    _, findings = report_on(swept.uri, swept.parent.info.run_id, tmp_path / "report")

    parent = swept.client.get_run(swept.parent.info.run_id)
    note = parent.data.tags["mlflow.note.content"]
    assert note.startswith(f"**{findings.answer[0][:20]}")
    assert "report/report.html" in note
    assert parent.info.status == swept.parent.info.status
    target = findings.question.target
    assert parent.data.metrics["target/val_loss"] == target
    for logged in swept.children:
        below = [step for step, loss in swept.points(logged, "val/loss") if loss <= target]
        time_to_target = swept.client.get_run(logged.info.run_id).data.metrics.get("time_to_target")
        assert time_to_target == (below[0] if below else None)
    assert any("time_to_target" in swept.client.get_run(r.info.run_id).data.metrics for r in swept.children)


def test_runs_carry_what_a_table_sorts_by(swept):
    for logged in swept.children:
        assert logged.data.params["peak_lr"] == logged.data.params["optimizer.lr"]
        assert logged.data.tags["sweep"] == swept.parent.data.tags["sweep.overrides"]


def test_two_runs_made_one_after_the_other_are_compared(run, tmp_path):
    ids = []
    for schedule in ("constant", "cosine"):
        done = run(tmp_path, "runner", f"schedule={schedule}", "trainer.steps=30")
        assert done.returncode == 0, done.stderr
        ids.append(next(line.split()[1] for line in done.stdout.splitlines() if line.startswith("run ")))
    told = run(tmp_path, "runner", "compare", *[run_id[:10] for run_id in ids])
    assert told.returncode == 0, told.stderr
    assert "cosine" in told.stdout
    assert "constant" in told.stdout
