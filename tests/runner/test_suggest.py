"""The rules that read a range test: worked numbers, the libraries they come from, laws, noise."""

import bisect
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.range_test import suggest
from runner.range_test.fitted import falls, fitted
from runner.range_test.suggest import Ramp

RATES = 1e-7 * 1e8 ** (np.arange(100) / 100)
STEEPEST = 10**-2.5
"""Where the curve below falls fastest, by its formula."""


def s_curve(rates):
    """A loss that falls from 2.3 by 1.2, fastest at 10^-2.5, and goes up from a rate of 0.5 on."""
    x = np.log10(rates)
    return 2.3 - 1.2 / (1 + np.exp(-3 * (x + 2.5))) + 8 * np.maximum(0, x + 0.3) ** 2


LOSSES = s_curve(RATES)
FASTAI = slice(10, -5)  # what each library looks at, of 100 points
LIGHTNING = slice(10, -1)


@pytest.mark.parametrize(
    ("rule", "part", "expected"),
    [
        (suggest.valley, FASTAI, 3.981072e-4),
        (suggest.slide, FASTAI, 1e-3),
        (suggest.minimum, FASTAI, 4.365158e-2),
        (suggest.steep, FASTAI, 3.019952e-3),
        (suggest.steepest_on_linear_axis, LIGHTNING, 6.918310e-4),
    ],
)
def test_worked_numbers_of_the_libraries_on_one_curve(rule, part, expected):
    assert rule(RATES[part], LOSSES[part]) == pytest.approx(expected, rel=1e-6)


def test_the_fitted_rules_find_what_the_formula_says():
    found = suggest.suggest(Ramp(RATES, LOSSES, 100))
    assert found["steepest"] == pytest.approx(STEEPEST, rel=0.11)  # neighbours are a factor of 1.2 apart
    assert s_curve(found["lowest"]) < 1.05 * LOSSES.min()


# The libraries


def scripted(losses, folder):
    """Run Lightning's own ``lr_find`` on a model whose loss is given for each batch."""
    pl = pytest.importorskip("lightning.pytorch")
    import torch

    class Scripted(pl.LightningModule):
        def __init__(self):
            super().__init__()
            self.lr, self.weight, self.left = 1e-3, torch.nn.Parameter(torch.zeros(1)), iter(losses)

        def training_step(self, batch, index):
            return self.weight.sum() * 0.0 + next(self.left)

        def configure_optimizers(self):
            return torch.optim.SGD(self.parameters(), lr=self.lr)

        def train_dataloader(self):
            return torch.utils.data.DataLoader(torch.zeros(1000, 1))

    quiet = {"enable_progress_bar": False, "enable_model_summary": False, "enable_checkpointing": False}
    trainer = pl.Trainer(accelerator="cpu", logger=False, default_root_dir=folder, max_epochs=1, **quiet)
    return pl.tuner.Tuner(trainer).lr_find(Scripted(), min_lr=1e-7, max_lr=10.0)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("noise", [0.0, 0.1])
def test_lightning_itself_says_the_same(noise, tmp_path):
    rng = np.random.default_rng(0)
    losses = (LOSSES + noise * rng.standard_normal(100)).astype(np.float32).astype(float)
    finder = scripted(losses.tolist(), tmp_path)

    rates = np.array(finder.results["lr"])
    recorded = losses[: len(rates)]
    np.testing.assert_allclose(suggest.smooth(recorded, ahead=2), finder.results["loss"], rtol=1e-12)
    assert suggest.suggest(Ramp(rates, recorded, 100))["lightning"] == finder.suggestion()


whole = st.lists(st.integers(0, 20).map(float), min_size=1, max_size=40)


@given(whole)
def test_the_valley_is_the_longest_falling_subsequence(losses):
    tails: list[float] = []  # the patience-sorting way to its length, upside down
    longest, end = 0, 0
    for i, loss in enumerate(losses):
        at = bisect.bisect_left(tails, -loss)
        tails[at : at + 1] = [-loss]
        if len(tails) > longest:
            longest, end = len(tails), i

    found = suggest.valley(np.arange(float(len(losses))), np.array(losses))
    if longest == 1:
        assert found == 0.0
    else:
        at = end - longest + int(longest / 3) + int(longest / 6)
        assert found == (at if at >= 0 else None)


def test_the_slide_comes_back_from_the_end_until_the_slopes_agree():
    flat_then_up = np.maximum(0.0, np.arange(60.0) - 40.0) ** 2
    index = np.arange(60.0)
    # the pair (left, left + 15) differs until left + 15 is on the flat part, and the one before is taken
    assert suggest.slide(index, flat_then_up) == 40.0 - 15.0 + 1.0 - 1.0
    assert suggest.slide(index, flat_then_up, threshold=1e9) == 60.0 - 1.0 - 15.0
    assert suggest.slide(index, index**2, threshold=0.0) == 0.0
    assert suggest.slide(index[:15], flat_then_up[:15]) is None


# Laws


@given(st.floats(0.01, 100.0))
def test_a_unit_of_the_value_changes_nothing_else(unit):
    noisy = LOSSES + 0.02 * np.random.default_rng(1).standard_normal(100)
    once, scaled = (suggest.suggest(Ramp(RATES * factor, noisy, 100)) for factor in (1.0, unit))
    for rule, value in once.items():
        assert scaled[rule] == pytest.approx(unit * value, rel=1e-6), rule


def test_a_constant_on_the_loss_changes_nothing_but_lightnings_rule():
    noisy = LOSSES + 0.02 * np.random.default_rng(1).standard_normal(100)
    once, raised = (suggest.suggest(Ramp(RATES, noisy + more, 100)) for more in (0.0, 4.0))
    # its running mean counts one step too many, so it rises from half of the first loss, whatever follows
    assert raised.pop("lightning") != once.pop("lightning")
    assert raised == once


@given(
    st.integers(10, 60),
    st.lists(st.floats(0, 1e30), max_size=60),
    st.sampled_from([[], [math.inf], [math.nan]]),
    st.booleans(),
)
def test_no_losses_break_a_rule(steps, losses, last, from_zero):
    losses = np.array((losses + last)[:steps])
    values = np.linspace(0.0, 1.0, steps) if from_zero else np.geomspace(1e-7, 10.0, steps)
    found = suggest.suggest(Ramp(values[: len(losses)], losses, steps, is_exponential=not from_zero))
    for rule, value in found.items():
        assert value is None or value in values or rule == "minimum", rule


def test_a_smoothed_constant_is_that_constant():
    np.testing.assert_allclose(suggest.smooth(np.full(50, 2.3)), 2.3)
    assert suggest.smooth(np.full(50, 2.3), ahead=2)[0] == pytest.approx(2.3 / 1.98)


@pytest.mark.parametrize(
    ("losses", "count"),
    [
        ([2.0] * 30, 30),
        ([2.0] * 10 + [math.nan] + [2.0] * 5, 11),
        ([2.0] * 10 + [math.inf] + [2.0] * 5, 11),
        ([2.0] * 10 + [1e6] + [2.0] * 5, 11),
        ([2.0] * 10 + [9.0] + [2.0] * 5, 16),  # one bad batch is not a divergence
        ([-1.0] * 10 + [5.0], 11),  # a multiple of a negative loss would say nothing
    ],
)
def test_a_ramp_ends_where_its_loss_diverges(losses, count):
    assert suggest.end_of(np.array(losses), 4.0) == count


# Noise


def test_a_fitted_line_is_exact_on_a_straight_line_also_at_its_ends():
    x = np.sort(np.random.default_rng(0).uniform(0, 5, 40))
    level, slope = fitted(x, 1.0 - 2.0 * x)
    np.testing.assert_allclose(level, 1.0 - 2.0 * x, atol=1e-9)
    np.testing.assert_allclose(slope, -2.0, atol=1e-9)


def test_noise_alone_is_not_a_fall():
    rng = np.random.default_rng(0)
    drawn = [2.3 + 0.05 * rng.standard_normal(100) for _ in range(200)]
    read = [suggest.suggest(Ramp(RATES, losses, 100))["steepest"] for losses in drawn]
    assert sum(value is not None for value in read) <= 6
    assert falls(LOSSES, LOSSES)


def test_noise_moves_the_recommended_rule_least():
    rng = np.random.default_rng(0)
    drawn = [LOSSES + 0.1 * rng.standard_normal(100) for _ in range(60)]
    read = [suggest.suggest(Ramp(RATES, losses, 100)) for losses in drawn]

    def spread(rule):
        return float(np.std([math.log10(found[rule]) for found in read if found[rule] is not None]))

    away = [abs(math.log10(found["steepest"] / STEEPEST)) for found in read]
    assert np.quantile(away, 0.9) < math.log10(2.0)
    assert all(spread("steepest") < spread(rule) for rule in ("valley", "steep", "lightning"))
    # the linear axis divides noise by ever smaller differences: most of it lies at the smallest rates
    assert np.median([found["lightning"] for found in read]) < STEEPEST / 30.0


def test_how_far_a_loss_blew_up_does_not_move_what_was_before():
    losses = [np.append(LOSSES[:80], blown_up) for blown_up in (1e2, 1e30)]
    first, second = (suggest.suggest(Ramp(RATES[:81], each, 100)) for each in losses)
    assert first["steepest"] == second["steepest"] == pytest.approx(STEEPEST, rel=0.2)
    assert first["lowest"] == second["lowest"]
