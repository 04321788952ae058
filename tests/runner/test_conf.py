"""The config files: every option composes and builds, and every registered name has one."""

from pathlib import Path

import pytest
import torch
from hydra import compose, initialize_config_module

import schedules
from runner import (
    datasets,  # noqa: F401  they register
    models,  # noqa: F401  they register
    optimizers,  # noqa: F401  they register
)
from runner.errors import ConfigError
from runner.launch.plugins import register
from runner.settings.config import flat, load
from runner.trainables.registries import DATASETS, MODELS, OPTIMIZERS
from runner.training.build import build
from runner.training.plans import build_plan

CONF = Path(__file__).parents[2] / "conf"


def options(group: str) -> list[str]:
    return sorted(path.stem for path in (CONF / group).glob("*.yaml"))


def composed(*overrides: str):
    register()
    with initialize_config_module("conf", version_base="1.3"):
        return load(compose("config", overrides=list(overrides)), list(overrides))


@pytest.mark.parametrize("name", options("schedule"))
@pytest.mark.parametrize("optimizer", options("optimizer"))
def test_every_schedule_builds_a_plan_for_every_optimizer(name, optimizer):
    if optimizer == "schedulefree" and "momentum" in composed(f"schedule={name}").schedule:
        with pytest.raises(ConfigError, match=r"schedule\.momentum must stay one number for schedulefree"):
            build(composed(f"schedule={name}", f"optimizer={optimizer}", "trainer.steps=100"))
        return
    experiment = build(composed(f"schedule={name}", f"optimizer={optimizer}", "trainer.steps=100"))

    lr = schedules.values(experiment.plan["lr"], 100)
    assert lr.max() == pytest.approx(composed(f"optimizer={optimizer}").optimizer["lr"], rel=0.02)
    assert experiment.write(0)["lr"] == lr[0]
    assert {"lr", "momentum"} <= set(experiment.plan)


@pytest.mark.parametrize(
    ("group", "table"), [("model", MODELS), ("dataset", DATASETS), ("optimizer", OPTIMIZERS)]
)
def test_every_registered_name_has_a_file_and_every_file_a_name(group, table):
    assert options(group) == sorted(table)


def test_every_registered_schedule_has_a_file():
    assert set(schedules.names()) <= set(options("schedule"))


def test_warmup_cosine_is_the_preset_of_language_models():
    plan = build_plan(
        composed("schedule=warmup_cosine", "schedule.lr.warmup_steps=2000", "optimizer.lr=3e-4").schedule,
        schedules.Horizon(total_steps=100_000),
    )
    lr = plan["lr"]
    assert lr(2000) == 3e-4
    assert lr(100_000) == pytest.approx(3e-5, rel=1e-12)
    assert lr(51_000) == pytest.approx((3e-4 + 3e-5) / 2, rel=1e-12)


def test_a_new_hyper_parameter_needs_no_plus_sign_and_a_number_is_a_constant():
    settings = composed(
        "schedule.weight_decay=0.01", "schedule.dampening.name=linear", "schedule.dampening.peak_value=0.5"
    )
    plan = build_plan(settings.schedule, schedules.Horizon(total_steps=10))
    assert plan["weight_decay"](5) == 0.01
    assert plan["dampening"](5) == 0.25


@pytest.mark.parametrize(
    ("overrides", "epochs", "steps"),
    [((), 20, None), (("trainer.steps=7",), None, 7), (("trainer.epochs=3",), 3, None)],
)
def test_a_budget_on_the_command_line_replaces_the_default(overrides, epochs, steps):
    trainer = composed(*overrides).trainer
    assert (trainer.epochs, trainer.steps) == (epochs, steps)


def test_two_budgets_are_refused():
    with pytest.raises(ConfigError, match="exactly one of"):
        composed("trainer.steps=7", "trainer.epochs=3")


def test_one_seed_gives_every_schedule_the_same_weights_and_batches():
    a = build(composed("schedule=constant", "seed=3", "trainer.steps=5"))
    b = build(composed("schedule=onecycle", "seed=3", "trainer.steps=5"))
    c = build(composed("schedule=onecycle", "seed=4", "trainer.steps=5"))
    weights = [torch.cat([p.flatten() for p in e.model.parameters()]) for e in (a, b, c)]

    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[1], weights[2])
    assert torch.equal(a.batches(4)[0], b.batches(4)[0])
    assert not torch.equal(b.batches(4)[0], c.batches(4)[0])


def test_the_validation_images_are_the_same_for_every_seed_and_never_trained_on():
    a, b = (
        build(composed("seed=0", "trainer.steps=1")).data,
        build(composed("seed=1", "trainer.steps=1")).data,
    )
    assert torch.equal(a.val.inputs, b.val.inputs)
    assert (len(a.train), len(a.val)) == (1437, 360)
    assert torch.bincount(a.val.targets).min() >= 34  # every class has its share


def test_flat_names_nested_settings_by_their_path():
    assert flat({"a": {"b": 1, "c": {"d": [1, 2]}}, "e": None}) == {"a.b": 1, "a.c.d": [1, 2], "e": None}
