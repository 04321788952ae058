"""Looks at losses while seeds are added: when they stop, what they say, that no seed is asked for twice."""

import numpy as np
import pytest

from runner.compare.stats.sequential import USUAL_LOOKS, Race, looks_up_to
from runner.errors import ConfigError
from runner.sweep.adding import add_seeds, begin, reason

RNG = np.random.default_rng(0)
COMMON = RNG.normal(0, 1, 48)


def losses(*shifts, seed=0, sd=0.1):
    return COMMON + np.array(shifts)[:, None] + np.random.default_rng(seed).normal(0, sd, (len(shifts), 48))


def test_looks_are_the_usual_ones_up_to_the_most():
    assert looks_up_to(48) == USUAL_LOOKS
    assert looks_up_to(13) == (6, 8, 10, 12, 13)
    assert looks_up_to(100)[-3:] == (60, 75, 100) or looks_up_to(100)[-1] == 100
    assert looks_up_to(1) == (1,)


def test_what_is_clear_is_decided_at_the_first_look_that_can():
    found = Race(most=16).look(losses(0.0, 5.0, 5.0)[:, :8])
    assert (found.open, found.over, found.next_look, found.pick) == ([0], "one", None, 0)
    assert found.left_at[0] is None
    assert found.left_at[1] == found.left_at[2] <= 8


def test_the_error_of_all_looks_is_what_was_stated():
    race = Race(most=48)
    assert race.spent(48) == 0.05
    assert [race.spent(n) for n in race.looks] == sorted(race.spent(n) for n in race.looks)


def test_seeds_after_an_arm_left_do_not_count():
    x = losses(0.0, 5.0, 0.05)[:, :16]
    raced = Race(most=16).look(x)
    changed = x.copy()
    changed[1, raced.left_at[1] :] = -100.0
    assert Race(most=16).look(changed) == raced


def test_a_tolerance_ends_what_no_number_of_seeds_decides():
    x = losses(0.0, 0.0)
    x[1] = x[0] + np.tile([0.01, -0.01], 24)
    found = Race(most=48, tolerance=0.05).look(x)
    assert (found.over, found.open) == ("same", [0, 1])
    assert found.seeds < 48
    assert 0 <= found.loses_at_most <= 0.05
    assert Race(most=48).look(x).over == ""


def test_without_seeds_all_are_open_and_the_first_look_is_next():
    found = Race(most=16).look(np.empty((3, 0)))
    assert (found.open, found.seeds, found.next_look) == ([0, 1, 2], 0, 6)
    assert Race(most=16).look(np.empty((1, 0))).over == "one"


def test_not_all_can_leave():
    cycle = np.array([[0.0, 2.0, 1.0], [1.0, 0.0, 2.0], [2.0, 1.0, 0.0]])
    found = Race(most=12).look(np.tile(cycle, 4) + RNG.normal(0, 1e-3, (3, 12)))
    assert found.open


def train_from(x, first_seed, asked, budget=None):
    def train(wanted, why):
        if budget is not None and len(asked) + len(wanted) > budget:
            return None
        asked.extend(wanted)
        return [x[arm, seed - first_seed] for arm, seed in wanted]

    return train


def test_seeds_are_added_for_open_arms_alone_and_each_once():
    x, asked, race = losses(0.0, 0.02, 5.0, sd=0.05), [], Race(most=48)
    add_seeds(race, ["a", "b", "c"], 100, train_from(x, 100, asked))
    assert len(set(asked)) == len(asked)
    seeds = {arm: [seed for who, seed in asked if who == arm] for arm in range(3)}
    left = race.look(x).left_at
    assert len(seeds[2]) == left[2] < len(seeds[0])
    assert seeds[0] == list(range(100, 100 + len(seeds[0])))


def test_the_budget_ends_it_and_failed_jobs_are_missing_pairs():
    x, asked = losses(0.0, 0.0), []
    x[0, 3], x[1, 4] = np.nan, np.inf
    add_seeds(Race(most=48), ["a", "b"], 0, train_from(x, 0, asked, budget=20))
    assert len(asked) == 20


def test_the_board_says_who_is_open_and_why_it_goes_on():
    race = Race(most=16, tolerance=0.01)
    x = losses(0.0, 0.02, 5.0)
    told = reason(race.look(x[:, :8]), race, ["cosine", "wsd", "step"])
    assert "open after 8 seeds: cosine and wsd" in told
    assert "ruled out: step" in told
    assert "0.01 is tolerated" in told


def test_a_sweep_that_goes_on_keeps_its_seeds_and_its_number(tmp_path):
    assert begin(Race(most=16), tmp_path, [0, 1, 7])[0] == 8
    assert begin(Race(most=16), tmp_path, [0, 1, 7, 8, 9])[0] == 8
    with pytest.raises(ConfigError, match="must stay 16"):
        begin(Race(most=20), tmp_path, [0])


@pytest.mark.parametrize("wrong", [{"most": 0}, {"most": 9, "alpha": 0.0}])
def test_wrong_settings_are_refused(wrong):
    with pytest.raises(ValueError, match="must be"):
        Race(**wrong)
