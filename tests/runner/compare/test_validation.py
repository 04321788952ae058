"""Nothing is called better that another validation set could turn round."""

import numpy as np
import pytest

from .sweeps import about, ask, by_arm, trained

SEEDS = 8
DATA = {"dataset.name": "digits", "dataset.split_seed": "0"}


def runs(arm, mean, *, spread, examples=100, data=DATA, draw_seed=1):
    """Runs whose losses differ little from seed to seed, and by ``spread`` from example to example."""
    of_examples = np.random.default_rng(draw_seed).normal(size=examples)
    of_examples = mean + spread * (of_examples - of_examples.mean()) / of_examples.std(ddof=1)
    jitter = np.random.default_rng(draw_seed + 1).normal(scale=1e-4, size=SEEDS)
    return [
        trained(arm, mean + each, seed=seed, params=data, example_losses=of_examples + each)
        for seed, each in enumerate(jitter)
    ]


def test_the_error_is_that_of_the_mean_over_examples_of_the_paired_differences():
    found = ask(runs("a", 0.50, spread=0.0), runs("b", 0.52, spread=0.3))
    standing = by_arm(found.standings)["b"]
    assert standing.validation_error == pytest.approx(0.3 / np.sqrt(100))
    assert standing.examples == 100
    assert standing.seed_error < 1e-4
    assert by_arm(found.standings)["a"].validation_error is None


def test_a_difference_below_that_error_is_not_called_one_however_sure_the_seeds_are():
    found = ask(runs("a", 0.50, spread=0.0), runs("b", 0.52, spread=0.3))  # .02 apart, error .03
    assert found.decision.members == ["a", "b"]
    assert found.decision.hidden == ["b"]
    assert {each.verdict for each in found.differences} == {"not told apart"}
    assert "larger validation set" in about(found.answer, "100 validation examples")


def test_a_difference_above_it_is_and_both_errors_are_said():
    found = ask(runs("a", 0.50, spread=0.0), runs("b", 0.52, spread=0.1))  # .02 apart, error .01
    assert found.decision.members == ["a"]
    assert found.decision.hidden == []
    said = about(found.answer, "100 examples")
    assert said.startswith("a and b are 0.020 apart; other seeds might change that by ")
    assert said.endswith("another validation set of 100 examples by 0.010 (standard errors).")


def test_what_all_arms_find_hard_alike_does_not_count():
    found = ask(runs("a", 0.50, spread=0.3), runs("b", 0.52, spread=0.3))  # the same examples are hard
    assert found.decision.members == ["a"]
    assert by_arm(found.standings)["b"].validation_error < 1e-4


@pytest.mark.parametrize(
    "other",
    [
        runs("b", 0.52, spread=0.3, data=DATA | {"dataset.split_seed": "1"}),
        runs("b", 0.52, spread=0.3, examples=99),
        [trained("b", 0.52 + 1e-4 * seed, seed=seed, params=DATA) for seed in range(SEEDS)],
    ],
    ids=["another split", "another number", "losses not kept"],
)
def test_without_one_set_for_both_the_seeds_alone_decide(other):
    found = ask(runs("a", 0.50, spread=0.0), other)
    assert found.decision.members == ["a"]
    assert by_arm(found.standings)["b"].validation_error is None
    assert not [line for line in found.answer if "validation" in line and "example" in line]
