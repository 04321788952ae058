"""What stands around a run: other people's names, plugins, commands that are printed, mistakes in a line."""

import json
import re
import shlex

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra

from runner.compare.advice import Sweep
from runner.compare.model import Collection
from runner.launch.options import register_options
from runner.launch.plugins import register
from runner.run.report import show_next
from runner.settings.config import load
from runner.settings.overrides import parse
from runner.settings.packages import conf_folder

PLUGIN = """
from dataclasses import dataclass
import schedules
from schedules import register
from runner.registries import dataset

@register("sawtooth")
@dataclass(frozen=True, kw_only=True)
class Sawtooth:
    total_steps: schedules.fields.OneOrMoreSteps
    peak_value: schedules.fields.Value
    def __post_init__(self):
        schedules.fields.settle(self)
    def __call__(self, step):
        return self.peak_value * (1 - (step % 10) / 10.0)

@dataset("my_csv")
@dataclass
class MyCsv:
    path: str = "x.csv"
    def load(self):
        open(self.path)
"""

MISTAKES = {
    "compar": "there is no command 'compar'; did you mean 'compare'?",
    "tracking.experiment=x=y": "tracking.experiment must quote a value",
    "seed=${oc.env:NOPE}": "'NOPE' not found",
    "plugins=[p] dataset=my_csv": "No such file or directory: x.csv",
    "hydra.job.name=x/y": "hydra.job.name must be a file's name",
    "hydra.job.chdir=true": "hydra.job.chdir must be false, got true",
    "-m seed=0,1 hydra.sweep.subdir=a": "hydra.sweep.subdir must be ${hydra.job.num}",
    "trainer.steps=1.5": "trainer.steps must be a whole number >= 1, got 1.5",
    "trainer.steps=abc": "trainer.steps must be a whole number >= 1, got abc",
}


@pytest.mark.parametrize("line", MISTAKES)
def test_a_mistake_is_told_in_one_line_that_names_it(line, run, tmp_path):
    (tmp_path / "p.py").write_text(PLUGIN)
    done = run(tmp_path, "runner", *line.split())
    assert done.returncode == 2, done.stderr
    assert MISTAKES[line] in done.stderr
    assert done.stderr.count("\n") == 1, done.stderr


def test_what_a_plugin_registers_is_an_option_and_other_peoples_conf_is_not_ours(run, tmp_path):
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "__init__.py").touch()
    (tmp_path / "p.py").write_text(PLUGIN)
    done = run(tmp_path, "runner", "plugins=[p]", "schedule=sawtooth", "trainer.steps=1e1")
    assert done.returncode == 0, done.stderr
    [order] = tmp_path.rglob("run.json")
    assert json.loads(order.read_text())["total_steps"] == 10
    printed = [line for line in done.stdout.splitlines() if "-m runner" in line]
    assert all("'plugins=[p]' trainer.steps=1e1" in line for line in printed), done.stdout
    against = ["plugins=[p]", "schedule=sawtooth,cosine", "trainer.steps=10"]
    planned = run(tmp_path, "runner", "-m", "--plan", *against)
    assert planned.returncode == 0, planned.stderr
    assert "sawtooth" in planned.stdout


def test_a_module_that_hides_our_package_is_named(run_cold, tmp_path):
    (tmp_path / "schedules.py").touch()
    done = run_cold(tmp_path, "runner", "seed=1")
    assert done.returncode == 2
    assert "schedules.py hides the package schedules of Schedule Lab" in done.stderr


def composes(command):
    """The settings of a printed command, composed as the command would be."""
    words = [w for w in shlex.split(re.sub(r"   .*|  \(.*", "", command)) if "=" in w or w[0] == "~"]
    GlobalHydra.instance().clear()
    register()
    register_options(words)
    single = [
        f"{each.key_or_group}={next(each.sweep_string_iterator())}" if each.is_sweep_override() else word
        for word, each in zip(words, parse(words), strict=True)
        if not word.startswith("hydra.")
    ]
    with initialize_config_dir(conf_folder(), version_base="1.3"):
        return load(compose("config", single), single)


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["model=gpt", "dataset=text", "trainer.steps=5", "schedule=wsd", "seed=3"],
        ["experiment=llm"],
        ["~dataset", "+dataset.name=digits", "tracking.experiment='x, y'"],
        ["plugins=[]", "trainer.tokens=1e9", "model=gpt", "dataset=text"],
    ],
)
def test_every_command_that_is_printed_composes_and_keeps_model_and_data(arguments, capsys):
    show_next(arguments)
    printed = capsys.readouterr().out.strip().splitlines()
    assert len(printed) == 2
    for line in printed:
        settings = composes(line.removeprefix("next").strip())
        assert settings.model["name"] == ("gpt" if "model=gpt" in arguments else settings.model["name"])
        assert ("'x, y'" in str(arguments)) == (settings.tracking.experiment == "x, y")
    kept = [*arguments, "hydra.searchpath=[pkg://conf]"]
    tags = {"arguments": json.dumps(kept)}
    collection = Collection(
        run_id="p", name="s", uri="sqlite:///x", experiment_id="1", started=0, tags=tags, runs=[]
    )
    command = Sweep(collection).anew("seed=3,4,5", jobs=3).split("  (at most")[0]
    assert all(word in shlex.split(command) for word in kept if not word.startswith(("schedule", "seed")))
    composes(command)
