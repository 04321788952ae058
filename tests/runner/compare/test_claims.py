"""The report's claims are right as often as they say: false alarms and power over many made-up sweeps.

Everything is drawn from fixed seeds, so a failure here is a changed procedure and not bad luck. A rate of
false alarms may exceed what is stated by two standard errors of so many sweeps.
"""

import numpy as np
import pytest

from runner.compare.analysis import analyse
from runner.compare.model import Question
from runner.compare.stats.best_set import best_set, pick
from runner.compare.stats.max_t import against
from runner.compare.stats.regret import regret_bound
from runner.compare.stats.sequential import Race

from .sweeps import losses, sweep

ALPHA = 0.05
SWEEPS = 2000
SD = np.sqrt(2.0)
"""Of a paired difference where each loss has noise of standard deviation 1."""


def normal(rng, arms, seeds):
    return rng.normal(size=(arms, seeds))


def heavy(rng, arms, seeds):
    return rng.standard_t(3, size=(arms, seeds)) / np.sqrt(3)


def tied(rng, arms, seeds):
    return np.round(1.5 * rng.normal(size=(arms, seeds))) / 1.5


def unequal(rng, arms, seeds):
    return rng.normal(size=(arms, seeds)) * rng.permutation(np.linspace(0.3, 3.0, arms))[:, None]


def missing(rng, arms, seeds):
    x = rng.normal(size=(arms, seeds))
    x[rng.random(x.shape) < 0.2] = np.nan
    return x


def diverging(rng, arms, seeds):
    x = rng.normal(size=(arms, seeds))
    x[rng.random(x.shape) < 0.1] = np.inf
    return x


NOISE = [normal, heavy, tied, unequal, missing, diverging]


def limit(sweeps=SWEEPS, rate=ALPHA):
    return rate + 2 * np.sqrt(rate * (1 - rate) / sweeps)


def drawn(noise, arms, seeds, better_by=0.0, seed=1, sweeps=SWEEPS):
    """Sweeps of arms that share what a seed makes hard; the first is better by so many sd of a difference."""
    rng = np.random.default_rng(seed)
    for _ in range(sweeps):
        x = noise(rng, arms, seeds)
        x += 5 * rng.normal(size=seeds)
        x[0] -= better_by * SD
        yield x


@pytest.mark.slow
@pytest.mark.parametrize("noise", NOISE)
def test_false_alarms_of_the_set_the_regret_and_the_comparisons_where_nothing_differs(noise):
    lost = alarms = too_low = 0
    for x in drawn(noise, 4, 8):
        lost += 0 not in best_set(x)
        alarms += (against(x, 0) <= ALPHA).any()
        too_low += regret_bound(x, pick(x)) < 0
    assert lost <= limit() * SWEEPS
    assert alarms <= limit() * SWEEPS
    assert too_low == 0


@pytest.mark.slow
@pytest.mark.parametrize("better_by", [0.3, 0.6])
@pytest.mark.parametrize("noise", [normal, heavy, diverging])
def test_false_alarms_where_one_arm_is_a_little_better(noise, better_by):
    lost = alarms = too_low = 0
    for x in drawn(noise, 4, 8, better_by):
        lost += 0 not in best_set(x)
        alarms += (against(x, 1)[2:] <= ALPHA).any()  # these do not differ
        chosen = pick(x)
        too_low += chosen != 0 and regret_bound(x, chosen) < better_by * SD
    assert lost <= limit() * SWEEPS
    assert alarms <= limit() * SWEEPS
    assert too_low <= limit() * SWEEPS


@pytest.mark.slow
@pytest.mark.parametrize("noise", [normal, heavy, diverging])
@pytest.mark.parametrize(("arms", "most"), [(3, 12), pytest.param(6, 12, marks=pytest.mark.soak)])
def test_the_best_is_lost_at_no_more_looks_than_stated(noise, arms, most):
    race, sweeps = Race(most=most), SWEEPS
    lost = sum(0 not in race.look(x).open for x in drawn(noise, arms, most, sweeps=sweeps))
    assert lost <= limit(sweeps) * sweeps


@pytest.mark.slow
@pytest.mark.soak
def test_a_margin_is_claimed_wrongly_no_more_often_than_stated():
    race, better_by = Race(most=12, tolerance=0.5 * SD), 0.6
    looks = [race.look(x) for x in drawn(normal, 4, 12, better_by)]
    wrong = sum(each.over == "same" and each.pick != 0 for each in looks)
    assert wrong <= limit() * SWEEPS


@pytest.mark.slow
@pytest.mark.parametrize(
    ("better_by", "arms", "seeds", "power"),
    [
        (2.0, 3, 6, 0.8),
        (2.0, 6, 8, 0.8),
        (2.0, 8, 8, 0.8),
        (1.5, 3, 8, 0.8),
        (1.5, 6, 10, 0.8),
        (1.5, 8, 11, 0.8),
        (1.0, 3, 12, 0.75),
        (1.5, 6, 8, 0.5),
    ],
)
def test_the_set_is_the_best_alone_as_often_as_measured(better_by, arms, seeds, power):
    sweeps = 400
    found = sum(best_set(x) == [0] for x in drawn(normal, arms, seeds, better_by, seed=5, sweeps=sweeps))
    assert found >= (power - 2 * np.sqrt(power * (1 - power) / sweeps)) * sweeps


@pytest.mark.slow
def test_six_seeds_tell_one_of_six_arms_from_the_baseline():
    found = sum(against(x, 5)[0] <= ALPHA for x in drawn(normal, 6, 6, 2.0, sweeps=400))
    assert found >= 0.5 * 400


@pytest.mark.slow
def test_a_run_in_ten_that_diverges_does_not_hide_the_better_arm():
    rng, found = np.random.default_rng(3), 0
    for x in drawn(normal, 2, 12, 2.0, sweeps=400):
        x[0, rng.random(12) < 0.1] = np.inf
        found += best_set(x) == [0]
    assert found >= 0.75 * 400


@pytest.mark.slow
def test_lopsided_noise_of_unequal_width_is_judged_by_its_median():
    # the second arm's width is three times the first's, and the median of their difference is 0
    rng = np.random.default_rng(4)
    wide = np.exp(rng.normal(size=200_000)) - 3 * np.exp(rng.normal(size=200_000))
    alarms = 0
    for _ in range(SWEEPS):
        x = np.exp(rng.normal(size=(2, 20))) * np.array([[1.0], [3.0]])
        x[0] -= np.median(wide)
        alarms += len(best_set(x)) == 1
    assert alarms <= 2 * ALPHA * SWEEPS + 0.02 * SWEEPS  # either arm may be the best: two hypotheses


@pytest.mark.slow
def test_with_seeds_added_one_arm_is_found_without_knowing_their_number():
    race, sweeps = Race(most=48), 60
    looks = [race.look(x) for x in drawn(normal, 6, 48, 1.0, sweeps=sweeps)]
    assert sum(each.open == [0] for each in looks) >= 0.95 * sweeps
    runs = [sum(each.seeds if left is None else left for left in each.left_at) for each in looks]
    assert np.mean(runs) < 120  # what 20 fixed seeds would cost


@pytest.mark.parametrize("seeds", [1, 2, 4])
def test_with_too_few_seeds_nothing_is_ever_claimed(seeds):
    for x in drawn(normal, 4, seeds, 9.0, sweeps=20):
        table = dict(zip(("constant", "cosine", "linear", "wsd"), x + 50, strict=True))
        findings = analyse(sweep(losses(table)), Question())
        assert {d.verdict for d in findings.differences} == {"not told apart"}
        assert len(findings.decision.members) == 4
        assert findings.answer[0].startswith("No schedule stands out")


@pytest.mark.slow
@pytest.mark.parametrize("stages", [True, False], ids=["fresh seeds", "the same seeds"])
def test_false_alarms_after_choosing_the_best_of_three_rates(stages):
    rng, lost, sweeps = np.random.default_rng(6), 0, 300
    for _ in range(sweeps):
        runs, first = [], 0
        for stage in ("tune", "final") if stages else ("",):
            common = rng.normal(0.5, 0.05, 8)
            for rate in (0.03, 0.1, 0.3):
                table = {arm: common + 0.01 * rng.normal(size=8) for arm in ("constant", "cosine", "wsd")}
                runs += losses(table, rate=rate, stage=stage, first_seed=first)
            first += 8
        lost += "constant" not in analyse(sweep(runs), Question()).decision.members
    assert lost <= limit(sweeps) * sweeps
