"""Refined schedules, what AdamW's weights remember, and merged checkpoints, against known figures."""

import numpy as np
import pytest

import schedules
from schedules.theory import (
    absolute_rates,
    averaging_coefficients,
    best_scale,
    describe_plan,
    guarantee,
    merge_weights,
    refine,
    refined_rates,
)

NORMS = (15, 6, 4, 2, 1, 1, 1, 1, 1, 2)


def test_refined_rates_of_known_norms():
    squared = [0.0058460421, 0.0363562092, 0.0808823529, 0.3088235294, 1, 0.7647058824, 0.5294117647]
    plain = [0.0950617284, 0.2314814815, 0.3333333333, 0.6111111111, 1, 0.7777777778, 0.5555555556]
    assert refined_rates(NORMS, 2, 0)[:7] == pytest.approx(squared, abs=1e-9)
    assert refined_rates(NORMS, 1, 0)[:7] == pytest.approx(plain, abs=1e-9)
    assert refined_rates(NORMS, 1, 0)[-1] == 0


def test_refined_rates_improve_the_bound_on_norms_that_fall():
    norms = np.interp(np.linspace(0, 1, 1000), [0, 0.003, 0.02, 0.03, 0.1, 1], [15, 6, 4, 2, 1, 2])
    cosine = schedules.values(schedules.build("cosine", total_steps=1000, peak_value=1.0), 1000)
    found = {power: best_scale(refined_rates(norms, power), 1.0, norms).bound for power in (1, 2)}
    assert found == pytest.approx({1: 0.09345, 2: 0.09090}, abs=2e-4)
    assert guarantee(norms) == pytest.approx(0.04533, abs=1e-4)
    assert best_scale(cosine, 1.0, norms).bound == pytest.approx(0.11172, abs=2e-4)


def test_absolute_rates_of_constant_norms():
    assert absolute_rates([2.0] * 4).tolist() == [0.1875, 0.125, 0.0625, 0.0]


def test_refine_gives_a_registered_schedule_that_lints_clean():
    norms = np.interp(np.linspace(0, 1, 1001), [0, 0.003, 0.02, 0.03, 0.1, 1], [15, 6, 4, 2, 1, 2])
    schedule = refine(norms, total_steps=5000, peak_value=0.3)
    assert schedules.from_spec(schedules.to_spec(schedule)) == schedule
    assert schedules.lint(schedule, 5000) == []
    assert schedules.peak(schedule, 5000).value == pytest.approx(0.3)
    exact = 0.3 * refined_rates(norms)
    assert schedule(np.linspace(0, 5000, 1001)) == pytest.approx(exact, abs=0.3 * 0.01)
    assert len(schedule.steps) < 100


@pytest.mark.parametrize("norms", [[], [1.0], [1.0, 0.0], [1.0, np.nan]])
def test_norms_that_are_none_are_refused(norms):
    with pytest.raises(ValueError, match="gradient_norms must be 2 numbers > 0 or more"):
        refined_rates(norms)


def test_averaging_of_linear_rates():
    shares = averaging_coefficients([0.1, 0.08, 0.06, 0.04, 0.02], 1.0)
    expected = [0.732243456, 0.081360384, 0.07074816, 0.056448, 0.0392, 0.02]
    assert shares == pytest.approx(expected, abs=1e-12)
    assert shares.sum() == pytest.approx(1.0)
    with pytest.raises(ValueError, match="in \\[0, 1\\]"):
        averaging_coefficients([2.0], 1.0)


@pytest.mark.parametrize(
    ("name", "settings", "expected"),
    [
        ("constant", {}, (4.3e-5, 198.98, 98.96)),
        ("wsd", {"total_steps": 1000}, (1.18e-4, 333.35, 184.65)),
        ("linear", {"total_steps": 1000, "end_value": "10%"}, (0.003993, 684.44, 322.06)),
        ("linear", {"total_steps": 1000}, (0.006593, 703.55, 390.38)),
        ("cosine", {"total_steps": 1000}, (0.006579, 641.06, 461.20)),
    ],
)
def test_what_the_last_weights_remember(name, settings, expected):
    rates = schedules.values(schedules.build(name, peak_value=0.1, **settings), 1000)
    found = describe_plan(rates, 0.1)
    start, effective, age = expected
    assert found.start_share == pytest.approx(start, abs=1e-6)
    assert found.effective_updates == pytest.approx(effective, abs=0.01)
    assert found.mean_age == pytest.approx(age, abs=0.01)
    assert found.timescale == pytest.approx(100.0)
    assert found.half_mass_age < 600


def test_merged_checkpoints_are_the_cooled_down_run():
    random = np.random.default_rng(0)
    moves, multipliers = random.normal(size=(6, 4)), np.sqrt(np.linspace(0.9, 0.1, 6))
    checkpoints = np.concatenate((np.zeros((1, 4)), -np.cumsum(moves, axis=0)))
    cooled = -(multipliers[:, None] * moves).sum(axis=0)
    assert merge_weights(multipliers) @ checkpoints == pytest.approx(cooled, abs=1e-15)
    fractions = 1 - np.sqrt(np.arange(1, 5) / 5)
    expected = [0.4472135955, 0.1852419365, 0.1421411372, 0.1198305218, 0.1055728090]
    assert merge_weights(fractions) == pytest.approx(expected, abs=1e-10)
    turned = (1 + np.cos(np.pi * np.arange(1, 5) / 5)) / 2
    expected = [0.0954915028, 0.25, 0.3090169944, 0.25, 0.0954915028]
    assert merge_weights(turned) == pytest.approx(expected, abs=1e-10)
    with pytest.raises(ValueError, match="must fall"):
        merge_weights([0.5, 0.6])
