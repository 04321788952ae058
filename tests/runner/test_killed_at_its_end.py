"""A run killed after the checkpoint of its last step and before its end: ``resume`` finishes it."""

import signal

import numpy as np
import pytest

from runner.record.directory import RunDirectory
from runner.record.journal import read
from runner.record.keys import FINAL_LOSSES

from .processes import let_go

pytestmark = pytest.mark.slow

DYING = """
import os, signal
from pathlib import Path
from runner.training.checkpoint import Saver

save = Saver.save

def save_and_die(self, finished):
    save(self, finished)
    if Path(f"die_at_{finished}").exists():
        os.kill(os.getpid(), signal.SIGKILL)

Saver.save = save_and_die
"""


@pytest.mark.parametrize(
    "settings",
    [["trainer.epochs=3"], ["trainer.epochs=30", "trainer.early_stop_patience=2", "trainer.keep_best=true"]],
    ids=["last step", "early stop"],
)
def test_it_ends_as_if_it_had_never_been_killed(settings, run, store, tmp_path):
    (tmp_path / "dying.py").write_text(DYING)
    command = ["runner", "plugins=[dying]", *settings]
    done = run(tmp_path, *command, "hydra.run.dir=calm")
    assert done.returncode == 0, done.stderr
    calm, killed = RunDirectory(tmp_path / "calm"), RunDirectory(tmp_path / "killed")
    last = int(read(calm.steps)["step"][-1]) + 1

    (tmp_path / f"die_at_{last}").touch()
    assert run(tmp_path, *command, "hydra.run.dir=killed").returncode == -signal.SIGKILL
    let_go(killed)
    assert killed.ending is None or killed.ending.status == "KILLED"
    (tmp_path / f"die_at_{last}").unlink()
    done = run(tmp_path, "runner", "resume=killed")
    assert done.returncode == 0, done.stderr

    for name in ("steps", "evaluations"):
        ours, theirs = read(getattr(killed, name)), read(getattr(calm, name))
        for column in (c for c in theirs.dtype.names if c != "time"):
            np.testing.assert_array_equal(ours[column], theirs[column], err_msg=f"{name}: {column}")
    assert killed.ending.status == "FINISHED"
    assert killed.ending.tags == calm.ending.tags
    timed = {"seconds"}
    assert {k: v for k, v in killed.ending.metrics.items() if k not in timed} == {
        k: v for k, v in calm.ending.metrics.items() if k not in timed
    }
    assert {f.name for f in killed.artifacts.iterdir()} == {f.name for f in calm.artifacts.iterdir()}
    ours, theirs = (np.load(each.artifacts / FINAL_LOSSES) for each in (killed, calm))
    np.testing.assert_array_equal(ours, theirs)
    [_, ours] = store(tmp_path).runs()
    assert ours.info.status == "FINISHED"
    assert "resume must name a run with steps left" in run(tmp_path, "runner", "resume=killed").stderr


@pytest.mark.slow
def test_a_recipe_run_with_another_budget_resumes(run, tmp_path):
    budget = [
        "schedule=constant",
        "trainer.steps=12",
        "trainer.checkpoint_steps=4",
        "model.width=64",
        "model.depth=1",
    ]
    done = run(tmp_path, "runner", "experiment=llm", *budget, "hydra.run.dir=run")
    assert done.returncode == 0, done.stderr
    (tmp_path / "run" / "end.json").unlink()  # as if it was killed before it could write how it ended
    for extended in ([], ["trainer.steps=15"], []):
        (tmp_path / "run" / "end.json").unlink(missing_ok=True)
        done = run(tmp_path, "runner", "resume=run", *extended)
        assert done.returncode == 0, done.stderr
