"""A checkpoint is whole or the one before it is, and holds every generator."""

import random

import numpy as np
import pytest
import torch
from torch import nn

import schedules
from runner.errors import ConfigError
from runner.training import checkpoint
from runner.training.update import Update
from schedules.pytorch import Plan

PLAN = checkpoint.fingerprint_of(Plan(lr=schedules.build("cosine", total_steps=100, peak_value=0.1)))


def save(path, step, keep_as=None):
    torch.manual_seed(step)
    model = nn.Linear(3, 2)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.1)
    model(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    update = Update(model=model, optimizer=optimizer, loss_of=nn.functional.cross_entropy)
    checkpoint.save(
        path,
        checkpoint.state_of(step=step, plan=PLAN, model=model, optimizer=optimizer, update=update),
        keep_as,
    )
    return model, optimizer


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "checkpoint.pt"
    save(path, 10)
    save(path, 20)
    return path


def test_the_last_two_are_kept_and_no_draft_is(path):
    assert sorted(file.name for file in path.parent.iterdir()) == ["checkpoint.previous.pt", "checkpoint.pt"]
    assert checkpoint.load(path, at_most=100)["step"] == 20
    assert torch.load(checkpoint.previous(path), weights_only=True)["step"] == 10


@pytest.mark.parametrize("left", [0, 1, 100, -1, -100])
def test_a_torn_checkpoint_is_passed_over_and_said(path, left, capsys):
    path.write_bytes(path.read_bytes()[:left])
    assert checkpoint.load(path, at_most=100)["step"] == 10
    assert "cannot be read" in capsys.readouterr().err


def test_a_kill_between_the_two_renames_leaves_the_previous_one(path):
    path.unlink()
    assert checkpoint.load(path, at_most=100)["step"] == 10


def test_a_checkpoint_ahead_of_its_journal_is_passed_over(path):
    assert checkpoint.load(path, at_most=20)["step"] == 20
    assert checkpoint.load(path, at_most=19)["step"] == 10
    assert checkpoint.load(path, at_most=9) is None


def test_a_disk_that_fills_up_leaves_both(path, monkeypatch):
    def full(state, file):
        file.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(OSError, match="No space left"):
        save(path, 30)
    monkeypatch.undo()
    assert checkpoint.load(path, at_most=100)["step"] == 20
    assert sorted(file.name for file in path.parent.iterdir()) == ["checkpoint.previous.pt", "checkpoint.pt"]


def test_another_format_is_refused(path):
    state = torch.load(path, weights_only=True)
    torch.save(state | {"format": 99}, path)
    with pytest.raises(ConfigError, match="must be a checkpoint of format 2, got 99"):
        checkpoint.load(path, at_most=100)


def test_weights_optimizer_and_every_generator_come_back(tmp_path):
    path = tmp_path / "checkpoint.pt"
    model, optimizer = save(path, 5)
    drawn = torch.rand(3), random.random(), np.random.rand(3)  # noqa: NPY002

    fresh = nn.Linear(3, 2)
    other = torch.optim.AdamW(fresh.parameters(), lr=0.7)
    update = Update(model=fresh, optimizer=other, loss_of=nn.functional.cross_entropy)
    state = checkpoint.load(path, at_most=5)
    assert checkpoint.restore(state, model=fresh, optimizer=other, update=update) == 5
    again = torch.rand(3), random.random(), np.random.rand(3)  # noqa: NPY002
    assert torch.equal(fresh.weight, model.weight)
    assert torch.equal(other.state[fresh.weight]["exp_avg"], optimizer.state[model.weight]["exp_avg"])
    assert other.param_groups[0]["lr"] == 0.1
    assert torch.equal(drawn[0], again[0])
    assert drawn[1] == again[1]
    np.testing.assert_array_equal(drawn[2], again[2])
