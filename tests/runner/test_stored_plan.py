"""What the product writes of a plan, it reads: a spec is a config, and so is an earlier run."""

import json

import pytest

import schedules
from runner.errors import ConfigError
from runner.record.directory import RunDirectory
from runner.record.journal import read
from runner.run.naming import peak_rate
from runner.settings.config import RunSettings
from runner.training.plans import build_plan, specs_of

SPECS = {
    "join": schedules.build("step", peak_value=0.1, step_size=30, warmup_steps=5),
    "scale": schedules.scale(schedules.Linear(total_steps=9, peak_value=1.0), 0.5),
    "transformers": schedules.from_transformers(
        "cosine_with_min_lr", learning_rate=0.1, num_warmup_steps=5, num_training_steps=50, min_lr=0.01
    ),
}


@pytest.mark.parametrize("name", SPECS)
def test_any_spec_is_a_schedule_s_settings(name):
    curve = SPECS[name]
    plan = build_plan({"lr": schedules.to_spec(curve)}, schedules.Horizon(total_steps=100))
    assert schedules.values(plan["lr"], 60).tolist() == schedules.values(curve, 60).tolist()
    assert build_plan(specs_of(plan), schedules.Horizon(total_steps=7)) == plan


def test_a_broken_spec_is_named():
    with pytest.raises(ConfigError, match=r"schedule\.lr: .*boundaries"):
        build_plan({"lr": {"name": "join", "parts": []}}, schedules.Horizon(total_steps=7))


def test_a_plan_of_several_schedules_claims_no_peak():
    settings = RunSettings(schedule={"lr": schedules.to_spec(SPECS["join"])}, optimizer={"lr": 0.7})
    assert peak_rate(settings) is None


def test_an_earlier_run_s_plan_is_trained_again(run, tmp_path):
    first = run(
        tmp_path, "runner", "schedule=step", "schedule.lr.step_size=4", "schedule.lr.warmup_steps=2",
        "trainer.steps=10", "hydra.run.dir=outputs/first",
    )  # fmt: skip
    assert first.returncode == 0, first.stderr
    directory = RunDirectory(tmp_path / "outputs/first")
    options = tmp_path / "my" / "schedule"
    options.mkdir(parents=True)
    (options / "mine.yaml").write_text((directory.artifacts / "plan.json").read_text())
    assert json.loads((options / "mine.yaml").read_text())["lr"]["name"] == "join"
    ways = {
        "by_id": [f"schedule.from_run={directory.sent.run_id[:8]}"],
        "by_file": ["schedule=mine", "hydra.searchpath=[file://my]"],
    }
    for folder, how in ways.items():
        done = run(tmp_path, "runner", *how, "trainer.steps=10", f"hydra.run.dir={folder}")
        assert done.returncode == 0, done.stderr
        assert (
            read(tmp_path / folder / "steps.journal")["lr"].tolist() == read(directory.steps)["lr"].tolist()
        )
    run_id = directory.sent.run_id
    for wrong, told in {
        "schedule.from_run=zzz": "must be a run's directory, or the id of one below outputs/, got 'zzz'",
        f"schedule.from_run={run_id} schedule.lr.gamma=1": "schedule.from_run must stand alone",
    }.items():
        refused = run(tmp_path, "runner", *wrong.split())
        assert refused.returncode == 2
        assert told in refused.stderr
