"""The recipes say what their sources say: values at stated tokens, steps and epochs."""

import math
import re
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache

import numpy as np
import pytest
from hydra import compose, initialize_config_module

import schedules
from runner.errors import ConfigError
from runner.launch.plugins import register
from runner.settings.config import load
from runner.training.build import build
from runner.training.plans import build_plan

from . import recipes

HEADINGS = ["source", "model", "states", "notes", "verified", "conflicts", "scaled"]


@dataclass(frozen=True)
class Case:
    """A run as published, and the rate at some of its points; the last one is the schedule's end."""

    total_steps: int
    points: dict[str, float]
    tokens_per_step: int | None = None
    steps_per_epoch: int | None = None
    momentum: dict[str, float] = field(default_factory=dict)

    @property
    def horizon(self) -> schedules.Horizon:
        return schedules.Horizon(
            total_steps=self.total_steps,
            tokens_per_step=self.tokens_per_step,
            steps_per_epoch=self.steps_per_epoch,
        )

    def step(self, point: str) -> float:
        number, unit = re.fullmatch(r"(.*?)(%|ba|ep|tok)", point).groups()
        return float(Fraction(number) * self.horizon.one(unit))


CASES = {
    "gpt3": Case(
        93_750,
        {
            "0tok": 0.0,
            "187.5e6tok": 3e-5,
            "375e6tok": 6e-5,
            "130.1875e9tok": 3.3e-5,
            "260e9tok": 6e-6,
            "299e9tok": 6e-6,
        },
        tokens_per_step=3_200_000,
    ),
    "chinchilla": Case(1000, {"0%": 0.3, "50%": 0.165, "100%": 0.03}),
    "llama3_405b": Case(
        1_200_002,
        {
            "0ba": 0.0,
            "4000ba": 4e-5,
            "8000ba": 8e-5,
            "604000ba": 4.04e-5,
            "1200000ba": 8e-7,
            "1200001ba": 4e-7,
            "1200002ba": 0.0,
        },
        tokens_per_step=16_000_000,
    ),
    "deepseek_llm": Case(
        211_927,
        {
            "1000ba": 2.1e-4,
            "2000ba": 4.2e-4,
            "1.59e12tok": 4.2e-4,
            "1.61e12tok": 1.3272e-4,
            "1.79e12tok": 1.3272e-4,
            "1.81e12tok": 4.2e-5,
            "2e12tok": 4.2e-5,
        },
        tokens_per_step=2304 * 4096,
    ),
    "deepseek_v2": Case(
        214_576,
        {
            "0ba": 0.0,
            "2000ba": 2.4e-4,
            "4.8e12tok": 2.4e-4,
            "4.9e12tok": 7.584e-5,
            "7.2e12tok": 7.584e-5,
            "7.4e12tok": 2.396544e-5,
        },
        tokens_per_step=9216 * 4096,
    ),
    "deepseek_v3": Case(
        235_239,
        {
            "0ba": 0.0,
            "1000ba": 1.1e-4,
            "2000ba": 2.2e-4,
            "9.99e12tok": 2.2e-4,
            "12.15e12tok": 1.21e-4,
            "14.4e12tok": 2.2e-5,
            "14.63e12tok": 2.2e-5,
            "14.75e12tok": 7.3e-6,
        },
        tokens_per_step=15_360 * 4096,
    ),
    "kimi_k2": Case(
        238_208,
        {
            "250ba": 1e-4,
            "500ba": 2e-4,
            "9.99e12tok": 2e-4,
            "12.75e12tok": 1.1e-4,
            "15.5e12tok": 2e-5,
            "15.73e12tok": 1.35e-5,
            "15.96e12tok": 7e-6,
        },
        tokens_per_step=67_000_000,
    ),
    "moonlight": Case(
        169_972,
        {
            "16.5e9tok": 2.1e-4,
            "33e9tok": 4.2e-4,
            "2616.5e9tok": 2.31e-4,
            "5.19e12tok": 4.2e-5,
            "5453.3554432e9tok": 5e-5,  # 100 steps and half of the 500B after 5.2T
            "5703.3554432e9tok": 0.0,
        },
        tokens_per_step=4096 * 8192,
    ),
    "minicpm": Case(
        279_452,
        {
            "0ba": 1e-2,
            "0.99e12tok": 1e-2,
            "1019.65e9tok": 5e-3,
            "1039.3e9tok": 2.5e-3,
            "1098.25e9tok": 3.125e-4,
        },
        tokens_per_step=3_930_000,
    ),
    "smollm1_135m": Case(
        600_000,
        {
            "2500ba": 1.5e-3,
            "5000ba": 3e-3,
            "500000ba": 3e-3,
            "525000ba": 1.5e-3,
            "550000ba": 8.786797e-4,
            "600000ba": 0.0,
        },
    ),
    "smollm1_1p7b": Case(
        500_000, {"1000ba": 2.5e-4, "2000ba": 5e-4, "400000ba": 5e-4, "425000ba": 2.5e-4, "500000ba": 0.0}
    ),
    "smollm2_135m": Case(
        2_000_000, {"0ba": 0.0, "2000ba": 3e-3, "1600000ba": 3e-3, "1800000ba": 1.5e-3, "2000000ba": 0.0}
    ),
    "smollm2_1p7b": Case(
        5_240_000, {"0ba": 0.0, "2000ba": 5e-4, "4716000ba": 5e-4, "4978000ba": 2.5e-4, "5240000ba": 0.0}
    ),
    "smollm3_3b": Case(
        4_720_000, {"0ba": 0.0, "2000ba": 2e-4, "4198000ba": 2e-4, "4459000ba": 1e-4, "4720000ba": 0.0}
    ),
    "olmo2_7b": Case(
        928_646,
        {
            "1000ba": 1.5e-4,
            "2000ba": 3e-4,
            "2504.194304e9tok": 1.65e-4,
            "928646ba": 6.135098e-5,
            "5e12tok": 3e-5,
        },
        tokens_per_step=1024 * 4096,
    ),
    "olmo2_7b_anneal": Case(11_920, {"0%": 6.1499e-5, "50%": 3.07495e-5, "100%": 0.0}),
    "resnet_imagenet": Case(
        14_040,
        {
            "0ep": 0.1,
            "2.5ep": 1.65,
            "5ep": 3.2,
            "29ep": 3.2,
            "30ep": 0.32,
            "60ep": 0.032,
            "79ep": 0.032,
            "80ep": 0.0032,
        },
        steps_per_epoch=156,
    ),
    "vit": Case(
        93_600, {"0ba": 0.0, "5000ba": 1.5e-3, "10000ba": 3e-3, "51800ba": 1.5e-3, "300ep": 0.0}, None, 312
    ),
    "ulmfit": Case(
        100,
        {
            "0ba": 0.0003125,
            "5ba": 0.00515625,
            "10ba": 0.01,
            "50ba": 0.0056944444,
            "99ba": 0.0004201389,
            "100ba": 0.0003125,
        },
    ),
    "fastai_onecycle": Case(
        1000,
        {"0%": 0.012, "12.5%": 0.156, "25%": 0.3, "62.5%": 0.1500015, "100%": 3e-6},
        momentum={"0%": 0.95, "12.5%": 0.9, "25%": 0.85, "62.5%": 0.9, "100%": 0.95},
    ),
    "noam": Case(  # the formula's first update is 1, our first step 0
        100_000, {"0ba": 1.746928e-7, "3999ba": 6.987712e-4, "15999ba": 3.493856e-4, "99999ba": 1.397542e-4}
    ),
    "d2z": Case(1000, {"0%": 0.0, "10%": 0.3, "55%": 0.15, "100%": 0.0}),
    "powercool": Case(1000, {"0%": 0.3, "40%": 0.3, "70%": 0.1305826, "100%": 0.0}),
}
WITHOUT_END = {"noam"}
IN_TOKENS = {"gpt3", "llama3_405b", "deepseek_v3", "kimi_k2", "moonlight", "minicpm", "olmo2_7b"}


def composed(*overrides: str):
    register()
    with initialize_config_module("conf", version_base="1.3"):
        return load(compose("config", overrides=list(overrides)), list(overrides))


@cache
def plan_of(name: str, horizon: schedules.Horizon, *overrides: str):
    return build_plan(composed(f"schedule=recipe/{name}", *overrides).schedule, horizon)


def scaled(name: str) -> list[str]:
    """Return the overrides that write the recipe's lengths as parts of the run."""
    said = recipes.comments(name)["scaled"]
    return [] if said == "as it is" else said.split()


def test_every_recipe_has_a_case():
    assert recipes.names() == sorted(CASES)


@pytest.mark.parametrize("name", CASES)
def test_the_rate_is_the_sources_at_its_points(name):
    case = CASES[name]
    plan = plan_of(name, case.horizon)

    for which, points in (("lr", case.points), ("momentum", case.momentum)):
        for point, expected in points.items():
            got = plan[which](case.step(point))
            assert got == pytest.approx(expected, rel=5e-3, abs=1e-12), (which, point)


def test_olmos_second_stage_starts_where_the_first_was_stopped():
    case = CASES["olmo2_7b"]
    lr = plan_of("olmo2_7b", case.horizon)["lr"]
    second = plan_of("olmo2_7b_anneal", CASES["olmo2_7b_anneal"].horizon)["lr"](0)
    assert lr(928_646) == pytest.approx(6.135e-5, rel=1e-4)  # by the file: 0.25 % below
    assert lr(case.step("3.8922e12tok")) == pytest.approx(second, rel=1e-4)


@pytest.mark.parametrize("name", CASES)
def test_the_rate_is_sane_everywhere_and_never_above_the_stated_peak(name):
    case = CASES[name]
    lr = plan_of(name, case.horizon)["lr"]
    steps = np.unique(
        np.concatenate([np.linspace(0, case.total_steps, 5000).round(), list(lr.knots(case.total_steps))])
    )

    rates = lr(steps)
    assert np.isfinite(rates).all()
    assert (rates >= 0.0).all()
    said = recipes.stated(name)["peak"]
    peak = 0.3 if said == "of the optimizer" else float(said)
    assert rates.max() == pytest.approx(peak, rel=1e-5)


@pytest.mark.parametrize("name", sorted(set(CASES) - WITHOUT_END))
def test_the_rate_holds_after_the_end(name):
    case = CASES[name]
    lr = plan_of(name, case.horizon)["lr"]
    end = math.ceil(case.step(list(case.points)[-1])) + 1
    assert lr(end) == lr(end + 1) == lr(3 * end)


@pytest.mark.parametrize("name", CASES)
def test_a_scaled_recipe_has_the_shape_of_the_published_one(name):
    case = CASES[name]
    full = plan_of(name, case.horizon)["lr"]
    small = plan_of(name, schedules.Horizon(total_steps=1000), *scaled(name))["lr"]

    if name == "noam":  # has no length of its own
        assert [small(t - 1) / small(39) for t in (20, 40, 160)] == pytest.approx([0.5, 1.0, 0.5])
        return
    peak = max(case.points.values())
    for part in (0.2, 0.3, 0.5, 0.65, 0.7, 0.85, 0.95, 1.0):
        expected = full(part * case.total_steps)
        assert small(part * 1000) == pytest.approx(expected, abs=0.02 * peak), part


@pytest.mark.parametrize("name", CASES)
def test_a_scaled_recipe_trains_on_images(name):
    experiment = build(composed(f"schedule=recipe/{name}", "trainer.steps=200", *scaled(name)))
    assert experiment.write(100)["lr"] > 0.0


@pytest.mark.parametrize("name", CASES)
def test_tokens_on_a_dataset_without_them_are_refused(name):
    overrides = (f"schedule=recipe/{name}", "trainer.epochs=90")
    if name in IN_TOKENS:
        with pytest.raises(
            ConfigError, match=r"^schedule.lr: .*tok' needs tokens_per_step, which is not known here$"
        ):
            build(composed(*overrides))
    else:
        assert "tok" not in str(composed(*overrides).schedule)


@pytest.mark.parametrize("name", CASES)
def test_a_recipe_says_where_it_is_from_and_what_was_checked(name):
    lines = (recipes.FOLDER / f"{name}.yaml").read_text().splitlines()
    said = recipes.comments(name)

    assert lines[0] == "# @package schedule"
    assert [heading for heading in HEADINGS if heading in said or heading != "notes"] == list(said)
    assert all(said.values())
    assert set(recipes.stated(name)) == {"peak", "warmup", "shape", "length"}
    assert max(map(len, lines)) <= 120


def test_the_page_is_up_to_date_and_its_example_is_right():
    text = recipes.PAGE.read_text()
    assert recipes.made(text) == text
    assert recipes.names() == re.findall(r"^\| `(\w+)` \|", text, flags=re.MULTILINE)

    example = re.search(r"```python\n(.*?)```", text, flags=re.DOTALL)[1]
    names: dict = {}
    exec(example, names)
    assert names["lr"](193_119) == pytest.approx(1.21e-4, rel=1e-4)
    assert names["lr"](235_239) == 7.3e-6


def test_the_pages_commands_compose():
    for line in re.findall(r"^python -m runner (.*?)(?:\s+#.*)?$", recipes.PAGE.read_text(), re.MULTILINE):
        overrides = [part.strip("'") for part in line.split() if "=" in part]
        composed(*overrides)


def test_pretending_large_batches_scales_a_recipe_in_tokens():
    case = CASES["deepseek_v3"]
    small = schedules.Horizon(total_steps=1000, tokens_per_step=14_800_000_000)
    steps = "schedule.lr.steps=[0,1%,10e12tok,14.3e12tok,14.633e12tok]"
    lr, full = plan_of("deepseek_v3", small, steps)["lr"], plan_of("deepseek_v3", case.horizon)["lr"]
    for tokens in ("5e12tok", "12.15e12tok", "14.4e12tok", "14.75e12tok"):
        at = float(Fraction(tokens[:-3]))
        assert lr(at / 14.8e9) == pytest.approx(full(at / case.tokens_per_step), rel=5e-3)
