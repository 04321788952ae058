"""docs/training.md: its commands compose, and its own package trains from outside of the repository."""

import re
import shlex
from pathlib import Path

import pytest
from hydra import compose, initialize_config_module

from runner.launch.plugins import register
from runner.trainables.registries import DATASETS, MODELS, OPTIMIZERS

PAGE = (Path(__file__).parents[2] / "docs" / "training.md").read_text()
COMMANDS = re.findall(r"^python -m runner (.*)$", PAGE, flags=re.MULTILINE)


@pytest.mark.parametrize("command", [c for c in COMMANDS if not c.startswith("-m ") and "plugins" not in c])
def test_its_commands_compose(command):
    register()
    with initialize_config_module("conf", version_base="1.3"):
        compose("config", overrides=shlex.split(command, comments=True))


@pytest.mark.parametrize("name", [*MODELS, *DATASETS, *OPTIMIZERS])
def test_it_names_all_that_is_registered(name):
    assert f"`{name}`" in PAGE


@pytest.fixture
def package(tmp_path):
    [own] = re.findall(r"^```py\n(.*?)^```$", PAGE, flags=re.DOTALL | re.MULTILINE)
    (tmp_path / "my_package").mkdir()
    (tmp_path / "my_package" / "__init__.py").write_text(own)
    return tmp_path


def test_a_package_of_ones_own_trains_its_dataset_and_model(package, run, store):
    [command] = [c for c in COMMANDS if "plugins" in c]
    done = run(package, "runner", *shlex.split(command), "schedule=cosine", "trainer.epochs=40")
    assert done.returncode == 0, done.stderr
    assert "sine_net on spirals" in done.stdout
    [only] = store(package).runs()
    assert only.data.metrics["final/val_accuracy"] > 0.9
    assert only.data.params["dataset.turns"] == "0.8"


def test_its_own_yaml_files_join_the_groups(package, run):
    for group, text in {
        "dataset/spirals": "{name: spirals, turns: 1.5}",
        "optimizer/signs": "{name: signs, lr: 0.01}",
    }.items():
        file = package / "my_package" / "conf" / f"{group}.yaml"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    (package / "my_package" / "conf" / "__init__.py").touch()
    done = run(
        package,
        "runner",
        "plugins=[my_package]",
        "hydra.searchpath=[pkg://my_package.conf]",
        "dataset=spirals",
        "optimizer=signs",
        "schedule=constant",
        "trainer.steps=3",
    )
    assert done.returncode == 0, done.stderr
    assert "mlp on spirals" in done.stdout


def test_a_model_that_does_not_fit_is_told_in_one_line(run, tmp_path):
    done = run(tmp_path, "runner", "model=gpt")
    assert done.returncode == 2
    said = "error: model: gpt needs data for language, got data for classification"
    assert done.stderr.strip().splitlines() == [said]


def test_a_language_model_logs_perplexity_and_no_accuracy(run, store, tmp_path):
    (tmp_path / "t.txt").write_text("to be or not to be, that is the question. " * 60)
    done = run(
        tmp_path,
        "runner",
        "model=gpt",
        "model.depth=1",
        "model.width=16",
        "dataset=text",
        "dataset.path=t.txt",
        "dataset.context=16",
        "optimizer=adamw",
        "schedule=cosine",
        "schedule.lr.warmup_steps=512tok",
        "trainer.batch_size=8",
        "trainer.epochs=2",
    )
    assert done.returncode == 0, done.stderr
    assert "validation loss" in done.stdout
    assert "perplexity" in done.stdout
    [only] = store(tmp_path).runs()
    assert {k for k in only.data.metrics if k.startswith("val/")} == {"val/loss", "val/perplexity"}
    assert only.data.metrics["final/val_perplexity"] == store(tmp_path).points(only, "val/perplexity")[-1][1]
    assert "warmup_steps=4" in only.data.tags["plan.lr"]  # 8 examples of 16 tokens a step
