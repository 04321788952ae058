"""The report's claims are right as often as they say: false alarms and power over many made-up sweeps.

Everything is drawn from fixed seeds, so a failure here is a changed analysis and not bad luck.
"""

import numpy as np
import pytest
from scipy import stats

from runner.compare.analysis import analyse
from runner.compare.model import Question

from .sweeps import losses, sweep

ALPHA = 0.05
ARMS = ("constant", "cosine", "linear", "wsd")


def noise(rng, kind, shape):
    """Noise of mean 0 and standard deviation 0.01: of a run, what its seed does not explain."""
    if kind == "normal":
        return rng.normal(0.0, 0.01, shape)
    if kind == "skewed":  # now and then a run ends much higher
        return 0.01 * (rng.exponential(1.0, shape) - 1.0)
    return 0.01 * rng.standard_t(3, shape) / np.sqrt(3)


def made_up(rng, shifts, seeds, kind="normal", rates=(0.1,), stages=False):
    """A sweep of arms whose true losses differ by ``shifts``; seeds are hard or easy for all arms alike."""
    runs, first = [], 0
    for stage in ("tune", "final") if stages else ("",):
        common = rng.normal(0.5, 0.05, seeds)
        for rate in rates:
            table = {arm: common + shift + noise(rng, kind, seeds) for arm, shift in shifts.items()}
            runs += losses(table, rate=rate, stage=stage, first_seed=first)
        first += seeds
    return sweep(runs)


def false_alarm_limit(repetitions):
    """The most false alarms that a rate of alpha gives, but for one time in 700."""
    return ALPHA + 3 * np.sqrt(ALPHA * (1 - ALPHA) / repetitions)


def ask(collection):
    return analyse(collection, Question(alpha=ALPHA))


def false_alarms(shifts, repetitions, seed, **how):
    """How often any verdict, and how often any two groups, tell arms apart that do not differ."""
    rng = np.random.default_rng(seed)
    verdicts = grouped = 0
    for _ in range(repetitions):
        findings = ask(made_up(rng, shifts, **how))
        same = [d for d in findings.differences if shifts[d.arm] == shifts[d.baseline]]
        verdicts += any(d.verdict != "not told apart" for d in same)
        grouped += any(
            shifts[a] == shifts[b] and not any(a in g and b in g for g in findings.groups)
            for a in shifts
            for b in shifts
        )
    return verdicts / repetitions, grouped / repetitions


@pytest.mark.parametrize("kind", ["normal", "skewed", "heavy tails"])
def test_false_alarms_without_any_difference(kind):
    none = dict.fromkeys(ARMS, 0.0)
    verdicts, grouped = false_alarms(none, 250, seed=1, seeds=10, kind=kind)
    assert verdicts <= false_alarm_limit(250)
    assert grouped <= false_alarm_limit(250)


def test_false_alarms_are_as_many_as_allowed_where_the_test_can_be_that_fine():
    # one comparison of 10 pairs: p comes in steps of 2 / 1024, so the test uses nearly all of alpha
    verdicts, grouped = false_alarms({"constant": 0.0, "cosine": 0.0}, 500, seed=2, seeds=10)
    assert verdicts == grouped
    assert 0.02 < verdicts <= false_alarm_limit(500)


def test_false_alarms_among_arms_that_do_not_differ_while_others_do():
    some = {"constant": 0.0, "cosine": -0.03, "linear": -0.03, "wsd": 0.0}
    verdicts, grouped = false_alarms(some, 250, seed=3, seeds=10)
    assert verdicts <= false_alarm_limit(250)
    assert grouped <= false_alarm_limit(250)


@pytest.mark.parametrize("stages", [True, False], ids=["fresh seeds", "the same seeds"])
def test_false_alarms_after_choosing_the_best_of_three_rates(stages):
    none = dict.fromkeys(ARMS[:3], 0.0)
    how = {"seeds": 8, "rates": (0.03, 0.1, 0.3), "stages": stages}
    verdicts, grouped = false_alarms(none, 160, seed=4, **how)
    assert verdicts <= false_alarm_limit(160)
    assert grouped <= false_alarm_limit(160)


def found(shift, repetitions, seed, seeds, arms=ARMS):
    """How often the arm that differs by ``shift`` gets the right verdict, the wrong one, its own group."""
    rng = np.random.default_rng(seed)
    shifts = dict.fromkeys(arms, 0.0) | {arms[-1]: shift}
    right = wrong = alone = 0
    for _ in range(repetitions):
        findings = ask(made_up(rng, shifts, seeds))
        [verdict] = [d.verdict for d in findings.differences if d.arm == arms[-1]]
        right += verdict == ("better" if shift < 0 else "worse")
        wrong += verdict == ("worse" if shift < 0 else "better")
        alone += findings.groups[0 if shift < 0 else -1] == [arms[-1]]
    return right / repetitions, wrong / repetitions, alone / repetitions


@pytest.mark.parametrize("shift", [-0.03, 0.03])
def test_a_clear_difference_is_found_with_its_sign(shift):
    right, wrong, alone = found(shift, 150, seed=5, seeds=10)  # two standard deviations of a difference
    assert right >= 0.97
    assert wrong == 0.0
    assert alone >= 0.9


def test_a_difference_is_found_as_often_as_its_power_says():
    # one standard deviation of a difference, three comparisons: the t test's power at alpha / 3
    seeds, level = 14, ALPHA / 3
    critical = stats.t.ppf(1 - level / 2, seeds - 1)
    power = stats.nct.sf(critical, seeds - 1, np.sqrt(seeds))
    right, wrong, _ = found(-0.01 * np.sqrt(2), 200, seed=6, seeds=seeds)
    assert 0.8 < power < 0.9
    assert right == pytest.approx(power, abs=3 * np.sqrt(power * (1 - power) / 200))
    assert wrong == 0.0


@pytest.mark.parametrize("seeds", [2, 5, 7])
def test_with_too_few_seeds_nothing_is_ever_claimed(seeds):
    rng = np.random.default_rng(7)
    shifts = dict(zip(ARMS, (0.0, -0.3, -0.2, 0.1), strict=True))
    for _ in range(20):
        findings = ask(made_up(rng, shifts, seeds))
        assert {d.verdict for d in findings.differences} <= {"not told apart"} or seeds == 7
        assert findings.groups == [[s.arm for s in findings.standings]]


def test_the_seeds_advised_settle_the_question():
    rng = np.random.default_rng(8)
    shifts = {"constant": 0.0, "cosine": -0.02}
    advised = [ask(made_up(rng, shifts, seeds=5)).differences[0].seeds_needed for _ in range(200)]
    usual = int(np.median([n for n in advised if n]))
    right, _, _ = found(-0.02, 200, seed=9, seeds=usual, arms=("constant", "cosine"))
    assert 0.7 <= right <= 0.95


@pytest.mark.parametrize("level", [0.05, 0.2])
def test_intervals_hold_the_true_difference(level):
    rng = np.random.default_rng(10)
    held = 0
    for _ in range(300):
        collection = made_up(rng, {"constant": 0.0, "cosine": -0.02}, seeds=6)
        [difference] = analyse(collection, Question(alpha=level)).differences
        held += difference.delta.low <= -0.02 <= difference.delta.high
    assert held / 300 == pytest.approx(1 - level, abs=3 * np.sqrt(level * (1 - level) / 300))
