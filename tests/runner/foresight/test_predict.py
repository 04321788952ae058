"""Predictions from logs and from MLflow: of runs that follow the law, and what is refused."""

import csv
import json

import numpy as np
import pytest

import schedules
from runner.errors import ConfigError
from runner.foresight import command
from schedules.theory import Convex

PEAK, TOTAL = 0.01, 600


def rates_of(name, total=TOTAL, **settings):
    settings = settings if name == "constant" else {"total_steps": total, **settings}
    return schedules.values(schedules.build(name, peak_value=PEAK, warmup_steps=20, **settings), total)


def losses_of(rates, steps):
    area, noise = Convex().columns(rates, steps)
    return 2 + area**-0.5 + 3 * noise


def write(path, rates, seen=None, factor=1.0):
    """A CSV as other programs write it; some rates are logged, every twentieth loss."""
    path.parent.mkdir(exist_ok=True)
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["global_step", "train/learning_rate", "eval/loss"])
        rows.writerow([0, factor * rates[0], ""])
        for step in range(20, (seen or len(rates)) + 1, 20):
            rows.writerow([step, factor * rates[min(step, len(rates) - 1)], losses_of(rates, [step])[0]])
    return path


@pytest.fixture
def log(tmp_path):
    return write(tmp_path / "logs" / "wsd.csv", rates_of("wsd"))


def data_of(capsys, *arguments):
    assert command.main([*map(str, arguments), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_a_log_predicts_the_ends_of_other_schedules_and_lengths(log, capsys):
    found = data_of(capsys, log, "--schedule", "cosine,wsd:decay_steps=40%,linear", "--steps", "600,1200")
    assert [row["total_steps"] for row in found["predictions"]] == [600] * 3 + [1200] * 3
    for row in found["predictions"]:
        name, _, settings = row["schedule"].partition(" ")
        extra = {"decay_steps": "40%"} if settings else {}
        truth = losses_of(rates_of(name, row["total_steps"], **extra), [row["total_steps"]])[0]
        assert row["loss"] == pytest.approx(truth, abs=0.01)
        assert row["low"] < truth < row["high"]
    assert found["predictions"][0]["verdict"] == "best"
    assert found["refused"] == []


def test_a_folder_of_logs_of_two_peaks_uses_one_and_says_so(log, capsys):
    write(log.with_name("cosine.csv"), rates_of("cosine"))
    write(log.with_name("high.csv"), rates_of("cosine"), factor=3.0)
    found = data_of(capsys, log.parent)
    assert [each["name"] for each in found["from"]] == ["cosine.csv", "wsd.csv"]
    assert found["left_out"] == ["high.csv"]
    assert [each["name"] for each in data_of(capsys, log.parent, "--peak", "0.03")["from"]] == ["high.csv"]
    with pytest.raises(ConfigError, match="peak must be that of a run, got 1"):
        command.main([str(log.parent), "--peak", "1"])


def test_runs_that_differ_in_their_seed_are_averaged(log, capsys):
    rows = log.read_text().splitlines()
    log.with_name("again.csv").write_text("\n".join(rows))
    found = data_of(capsys, log.parent)
    assert [(each["seeds"], each["steps"]) for each in found["from"]] == [(2, 600)]


def test_a_lone_constant_run_is_refused_in_words(tmp_path):
    log = write(tmp_path / "logs" / "constant.csv", rates_of("constant"))
    with pytest.raises(ConfigError, match="a lone constant rate says nothing about what a falling"):
        command.main([str(log)])


def test_anyway_shows_what_would_be_refused(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    log = write(tmp_path / "logs" / "constant.csv", rates_of("constant"))
    assert command.main([str(log), "--anyway"]) == 0
    assert "not to be believed: a lone constant rate" in capsys.readouterr().out


def test_another_peak_is_refused_and_the_others_are_predicted(log, capsys):
    found = data_of(capsys, log, "--schedule", "cosine:peak_value=0.02,linear")
    refused = {row["schedule"]: row["refused"] for row in found["predictions"]}
    assert refused["linear"] == []
    assert "a law holds for one peak rate" in refused["cosine (peak_value=0.02)"][0]


def test_the_terminal_says_what_cannot_be_told_apart_and_draws(log, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    arguments = ["--schedule", "wsd:decay_steps=30%,wsd:decay_steps=32%,constant", "--out", "drawn"]
    assert command.main([str(log), *arguments]) == 0
    printed = capsys.readouterr().out
    for part in ("from    wsd.csv (CSV)", "can't be told apart", "worse", "The best schedule of 600 steps"):
        assert part in printed
    assert (tmp_path / "drawn" / "predict.png").stat().st_size > 10_000


def test_a_run_that_goes_on_is_told_what_the_rest_brings(log, tmp_path, capsys):
    rates = rates_of("wsd", 1200)
    entries = [
        {
            "step": step,
            "learning_rate": rates[step],
            "loss": losses_of(rates, [step])[0],
            "epoch": step / 2000,
        }
        for step in range(20, 801, 20)
    ]
    state = tmp_path / "run" / "checkpoint-800" / "trainer_state.json"
    state.parent.mkdir(parents=True)
    state.write_text(json.dumps({"global_step": 800, "max_steps": 1200, "log_history": entries}))
    found = data_of(capsys, log, tmp_path / "run")
    (rows,) = found["onward"].values()
    loss = {row["schedule"]: row["loss"] for row in rows}
    assert loss["hold the rate, cool down over the last 20 %"] < loss["cool down now, over 200 steps"]


def test_the_law_is_checked_on_the_runs_themselves(log, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    for name in ("cosine", "linear", "constant"):
        write(log.with_name(f"{name}.csv"), rates_of(name))
    found = data_of(capsys, log.parent)
    assert [each["name"] for each in found["checked"]][-1] == "constant.csv"
    for each in found["checked"]:
        assert each["predicted"] == pytest.approx(each["seen"], abs=0.02)
    assert command.main([str(log.parent)]) == 0
    assert (
        "Checked on these 4 runs, each predicted from the others: mean error 0.0" in capsys.readouterr().out
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--schedule", "cosin"], "no schedule is named 'cosin'; did you mean 'cosine'"),
        (["--steps", "1"], "--steps must be whole numbers >= 2, got '1'"),
        (["--loss", "los"], "has no figure 'los'"),
        (["--schedule", "wsd:decay_step=3"], "wsd has no field 'decay_step'"),
        (["--nonsense"], "unrecognized arguments: --nonsense"),
    ],
)
def test_mistakes_are_told(log, arguments, message):
    with pytest.raises(ConfigError, match=message):
        command.main([str(log), *arguments])


def test_a_source_that_is_nothing_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match="FROM must be a file or folder of logs, or a run or sweep"):
        command.main(["nothing-there"])


def test_too_few_losses_are_refused(tmp_path):
    log = write(tmp_path / "logs" / "short.csv", rates_of("wsd"), seen=200)
    with pytest.raises(ConfigError, match="no law can be fitted: curves must hold 12 losses"):
        command.main([str(log)])


@pytest.mark.slow
def test_runs_in_mlflow_and_their_folders_give_one_answer(run, tmp_path):
    done = run(
        tmp_path, "runner", "model=linear", "dataset=digits", "trainer.steps=120", "trainer.evaluate_steps=5",
        "schedule=wsd", "schedule.lr.warmup_steps=5", "trainer.batch_size=8", "hydra.run.dir=out/wsd",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    run_id = next(line.split()[1] for line in done.stdout.splitlines() if line.startswith("run "))
    said = []
    for source in (run_id, "out"):
        told = run(tmp_path, "runner", "predict", source, "--schedule", "cosine", "--json", "--anyway")
        assert told.returncode == 0, told.stderr
        said.append(json.loads(told.stdout))
    assert [row["loss"] for row in said[0]["predictions"]] == pytest.approx(
        [row["loss"] for row in said[1]["predictions"]]
    )
    assert [each["kind"] for each in (said[0]["from"][0], said[1]["from"][0])] == ["MLflow", "run folder"]
    assert np.isfinite(said[0]["law"]["misfit"])
