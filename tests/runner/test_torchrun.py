"""``torchrun`` with two real processes: what one process would give, one voice, and stops that resume."""

import signal

import numpy as np
import pytest
import torch

from runner.record.directory import RunDirectory
from runner.record.journal import read
from runner.record.keys import FINAL_LOSSES

from .processes import rows, wait_for

pytestmark = pytest.mark.slow

TWO = ["torch.distributed.run", "--nproc-per-node=2", "-m", "runner"]
LONG = ["plugins=[dropping]", "model.name=dropping", "trainer.steps=600", "optimizer=adamw"]

PLUGIN = """
from dataclasses import dataclass
from torch import nn
from runner.registries import model

@model("dropping")
@dataclass(frozen=True, kw_only=True)
class Dropping:
    hidden: list[int] | None = None

    def build(self, data):
        block = lambda: nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Dropout(0.3))
        return Net(nn.ModuleList([block(), block()]))

class Net(nn.Module):
    def __init__(self, blocks):
        super().__init__()
        self.blocks, self.head = blocks, nn.Linear(64, 10)

    def forward(self, x):
        x = x.flatten(1)
        for block in self.blocks:
            x = block(x)
        return self.head(x)
"""


def steps(folder):
    return read(folder / "steps.journal")


SETTINGS = ["trainer.epochs=2", "trainer.clip_norm=0.5", "optimizer=adamw", "seed=3"]


@pytest.fixture(scope="module")
def alone(run, tmp_path_factory):
    folder = tmp_path_factory.mktemp("alone")
    done = run(folder, "runner", *SETTINGS, "trainer.ema_decay=0.9", "hydra.run.dir=run")
    assert done.returncode == 0, done.stderr
    return folder / "run"


@pytest.mark.parametrize(
    "how",
    [["trainer.ema_decay=0.9"], ["trainer.ema_decay=0.9", "trainer.accumulate=2"], ["trainer.parallel=fsdp"]],
    ids=lambda how: " ".join(how),
)
def test_two_processes_give_what_one_gives_on_the_same_batches(how, alone, run, store, tmp_path):
    done = run(tmp_path, *TWO, *SETTINGS, *how, "hydra.run.dir=run")
    assert done.returncode == 0, done.stderr

    ours, theirs = steps(tmp_path / "run"), steps(alone)
    assert ours["step"].tolist() == theirs["step"].tolist()
    for column in ("lr", "momentum", "loss", "grad_norm"):
        np.testing.assert_allclose(ours[column], theirs[column], rtol=1e-4, atol=1e-6)
    ours, theirs = (np.load(folder / "artifacts" / FINAL_LOSSES) for folder in (tmp_path / "run", alone))
    if how != ["trainer.parallel=fsdp"]:  # without the average
        np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-5)
    kept, expected = (
        torch.load(folder / "checkpoint.pt", weights_only=True) for folder in (tmp_path / "run", alone)
    )
    for name, value in expected["model"].items():
        torch.testing.assert_close(kept["model"][name], value, rtol=1e-4, atol=1e-6)
    if "trainer.ema_decay=0.9" in how:
        ours, theirs = read(tmp_path / "run" / "evaluations.journal"), read(alone / "evaluations.journal")
        np.testing.assert_allclose(ours["val/loss"], theirs["val/loss"], rtol=1e-4)
        np.testing.assert_allclose(ours["val/accuracy"], theirs["val/accuracy"])
    [only] = store(tmp_path).runs()
    assert only.data.params["processes"] == "2"
    assert [step for step, _ in store(tmp_path).points(only, "loss")] == list(range(44))
    assert done.stdout.count("validation accuracy") == 2  # final and best: one process speaks
    assert len(list(tmp_path.glob("**/steps.journal"))) == 1


@pytest.mark.parametrize(
    ("mistake", "told"),
    [
        ("optimizer.lr=-1", "optimizer: lr must be a number >= 0, got -1.0"),
        ("trainer.batch_size=63", "trainer.batch_size must be a multiple of trainer.accumulate (1) times"),
        ("tracking.uri=sqlite:////dev/null/mlflow.db", "tracking.uri must be a store MLflow can open"),
    ],
)
def test_a_mistake_is_told_once_and_nothing_is_left(mistake, told, run, store, tmp_path):
    done = run(tmp_path, *TWO, mistake)
    assert done.returncode != 0
    [line] = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert told in line
    assert "exitcode  : 2" in done.stderr  # torchrun's own report
    assert store(tmp_path).runs() == []


def test_a_loss_that_is_not_finite_ends_both(run, store, tmp_path):
    done = run(tmp_path, *TWO, "optimizer.lr=1e9", "trainer.steps=50")
    assert [line for line in done.stderr.splitlines() if line.startswith("error: the loss is not finite")]
    assert done.stderr.count("Traceback") == 1  # torchrun's own
    [failed] = store(tmp_path).runs()
    assert failed.info.status == "FAILED"


def test_a_sweep_is_refused(run, tmp_path):
    done = run(tmp_path, *TWO, "-m", "seed=0,1")
    assert "a sweep must run without torchrun" in done.stderr


@pytest.mark.soak
@pytest.mark.parametrize("parallel", ["ddp", "fsdp"])
def test_sigterm_checkpoints_and_the_run_goes_on_bit_by_bit(parallel, start, run, store, tmp_path):
    (tmp_path / "dropping.py").write_text(PLUGIN)
    settings = [*LONG, f"trainer.parallel={parallel}", "trainer.checkpoint_seconds=1000"]
    process = start(tmp_path, *TWO, *settings, "hydra.run.dir=run")
    directory = RunDirectory(tmp_path / "run")
    wait_for(lambda: rows(directory) > 100)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    stopped = torch.load(directory.checkpoint, weights_only=True)
    assert stopped["step"] == rows(directory) < 600
    assert len(stopped["random"]) == 2
    assert not torch.equal(*(each["torch"] for each in stopped["random"]))  # each drops other units
    [killed] = store(tmp_path).runs()
    assert killed.info.status == "KILLED"

    done = run(tmp_path, "runner", "resume=run")
    assert "must go on with as many processes as before (2), got 1" in done.stderr
    done = run(tmp_path, *TWO, "resume=run")
    assert done.returncode == 0, done.stderr
    calm = run(tmp_path, *TWO, *settings, "hydra.run.dir=calm")
    assert calm.returncode == 0, calm.stderr
    for column in ("lr", "momentum", "loss"):
        np.testing.assert_array_equal(steps(tmp_path / "run")[column], steps(tmp_path / "calm")[column])
    ours, theirs = (torch.load(tmp_path / d / "checkpoint.pt", weights_only=True) for d in ("run", "calm"))
    assert all(torch.equal(ours["model"][name], value) for name, value in theirs["model"].items())
