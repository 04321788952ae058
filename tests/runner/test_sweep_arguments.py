"""A sweep that goes on repeats its own command, unless another one says what to train."""

import json

import pytest

from runner.record.directory import Order, RunDirectory
from runner.sweep.arguments import spell_out

OWN = ["schedule=constant,cosine", "seed=0,1", "hydra.launcher.slots=1"]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "S").mkdir()
    tags = {"arguments": json.dumps(OWN), "sweep.overrides": "schedule=constant,cosine seed=0,1"}
    RunDirectory(tmp_path / "S").write(Order("u", "sqlite:///x", "e", "n", {}, tags, 0))
    return tmp_path / "S"


def resumed(*words, folder):
    flag, *overrides = spell_out(["-m", *words, "sweep.resume=S"])
    assert flag == "-m"
    places = [f"sweep.resume='{folder}'", f"hydra.sweep.dir='{folder}'"]
    assert [each.replace('"', "'") for each in overrides][-2:] == places
    return overrides[:-2]


def test_alone_it_stands_for_the_command_that_began_the_sweep(folder):
    assert resumed(folder=folder) == OWN


def test_how_it_is_run_is_added_and_counts_more(folder):
    more = ("hydra.launcher.slots=2", "hydra.sweeper.until=decided", "tracking.offline=true")
    assert resumed(*more, folder=folder) == [*OWN[:2], *more]


def test_a_command_that_says_what_to_train_counts_alone(folder):
    assert resumed("schedule=wsd", "hydra.launcher.slots=2", folder=folder) == [
        "schedule=wsd",
        "hydra.launcher.slots=2",
    ]


def test_a_sweep_of_an_older_version_is_known_by_its_title(folder):
    order = RunDirectory(folder).order
    del order.tags["arguments"]
    RunDirectory(folder).write(order)
    assert resumed(folder=folder) == OWN[:2]


def test_a_flag_stays(folder):
    assert "sweep.plan=true" in spell_out(["-m", "sweep.resume=S", "--plan"])
    assert "schedule=constant,cosine" in spell_out(["-m", "sweep.resume=S", "--plan"])
