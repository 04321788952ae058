"""Overrides mean what they mean to Hydra, wherever they are read."""

import shlex

import pytest
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.override_parser.overrides_parser import OverridesParser

from runner.errors import ConfigError
from runner.settings.overrides import command, given, in_force, parse, parse_one, quoted, without
from runner.sweep.space import Space

LINES = [
    ["optimizer.lr=0.1,0.3", "optimizer.lr=0.2"],
    ["optimizer.lr=0.2", "optimizer.lr=0.1,0.3"],
    ["seed=0,1", "schedule=cosine,wsd", "seed=5"],
    ["seed=5", "schedule=cosine,wsd", "seed=range(0,3)"],
    ["schedule=cosine,wsd", "schedule=constant", "seed=0,1"],
    ["schedule.lr.peak_value=0.1,0.3", "schedule.lr={peak_value:0.2}"],
    ["model=mlp,cnn", "trainer.steps=5", "model=linear", "trainer.steps=6,7"],
]


def jobs_of_hydra(line):
    """The jobs of Hydra's own sweeper; of overrides of one setting the last one counts."""
    [batch] = BasicSweeper.split_arguments(OverridesParser.create().parse_overrides(line), None)
    return sorted(sorted(in_force(job)) for job in batch)


@pytest.mark.parametrize("line", LINES, ids=" ".join)
def test_a_sweep_has_the_jobs_that_hydra_gives_the_same_line(line):
    space = Space.of(parse(in_force(line)))
    tuned = [f"{space.rate}={rate}" for rate in space.rates]
    jobs = space.jobs(space.arms, tuned, space.seeds)
    assert sorted(sorted(job) for job in jobs) == jobs_of_hydra(line)


def test_the_overrides_of_a_job_stand_as_on_the_command_line():
    line = ["schedule.lr.peak_value=0.1,0.3", "schedule.lr={peak_value:0.2}", "model=mlp"]
    space = Space.of(parse(line))
    [job, _] = space.jobs(space.arms, [f"{space.rate}={rate}" for rate in space.rates], space.seeds)
    assert job == ["schedule.lr.peak_value=0.1", "schedule.lr={peak_value:0.2}", "model=mlp"]


def test_the_last_override_of_a_key_counts_and_may_still_add_it():
    assert in_force(["+x=1", "seed=1", "x=2"]) == ["seed=1", "++x=2"]
    assert given(["a=1", "b='x, y'", "a=2"]) == {"b": "x, y", "a": "2"}
    assert in_force(["~dataset", "+dataset.name=wine"]) == ["~dataset", "+dataset.name=wine"]


@pytest.mark.parametrize("text", ["x=y", "a, b", "it's", 'say "x"', "C:\\dir\\", "", "${x}", "back\\'tick"])
def test_a_quoted_text_is_read_back_whole(text):
    assert parse_one(f"key={quoted(text)}").value() == text


def test_a_command_quotes_each_override_by_itself():
    words = ["+dataset.name=wine", "~model", "title='x, y'", "seed=range(0,3)"]
    assert shlex.split(command(words, multirun=True)) == ["python", "-m", "runner", "-m", *words]


def test_keys_below_a_group_go_with_it():
    assert without(["task=range_test", "task.steps=5", "tasks=3", "hydra/launcher=ray"], "task", "hydra") == [
        "tasks=3"
    ]


def test_an_argument_that_is_no_override_is_named_with_the_way_to_write_it():
    with pytest.raises(
        ConfigError, match=r"""tracking.experiment must quote .* 'tracking.experiment="x=y"'"""
    ):
        parse_one("tracking.experiment=x=y")
    with pytest.raises(ConfigError, match="must be key=value, got 'foo'"):
        parse_one("foo")
