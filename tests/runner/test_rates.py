"""The grid of rates, the search, the manifest: what decides which job comes next."""

import math

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.errors import ConfigError
from runner.launch.manifest import Manifest
from runner.sweep.rates import Rates, best_of
from runner.sweep.search import Range, Search, Settings
from runner.sweep.space import Space


@given(st.floats(-4, 1), st.floats(1.3, 3), st.integers(2, 5))
@settings(max_examples=60)
def test_a_grid_grows_until_its_best_rate_is_inside(log_best, ratio, count):
    def loss(rate):
        return (math.log10(rate) - log_best) ** 2

    grid = Rates([0.1 * ratio**i for i in range(count)])
    for rate in [0.1 * ratio**i for i in range(count)]:
        grid.note(rate, [loss(rate)])
    tried = 0
    while (rate := grid.outward()) is not None and tried < 100:
        grid.note(rate, [loss(rate)])
        tried += 1
    assert tried < 100
    assert abs(math.log10(grid.best) - log_best) <= math.log10(ratio) / 2 + 1e-5


def test_a_diverged_rate_is_the_worst_and_a_failed_one_tells_nothing():
    grid = Rates([0.1, 0.2, 0.4])
    grid.note(0.1, [1.0, 1.2])
    grid.note(0.2, [0.9, math.inf])
    grid.note(0.4, [math.nan, math.nan])
    assert grid.best == 0.1
    assert grid.outward() == 0.05
    grid.note(0.05, [2.0, math.nan])
    assert grid.outward() is None


def test_a_rate_that_lacks_seeds_wins_nothing_by_the_seeds_it_lacks():
    complete, easy = {0: 0.5, 1: 0.9}, {0: 0.6}
    assert best_of({0.1: complete, 0.3: easy}) == 0.1  # pruned: its mean is lower, its seed ended higher
    assert best_of({0.1: {0: 0.5, 1: 0.9, 2: 0.5}, 0.3: {0: 0.6, 2: 0.6}}) == 0.1
    assert best_of({0.1: {0: 0.5, 1: 0.9, 2: 0.5}, 0.3: {0: 0.4, 2: 0.4}}) == 0.3  # a job of it failed


def space(*overrides: str) -> Space:
    return Space.of(OverridesParser.create().parse_overrides(list(overrides)))


def test_a_command_line_is_sorted_into_arms_rates_and_seeds():
    made = space("schedule=a,b", "trainer.steps=5", "model=x,y", "optimizer.lr=0.1,0.2", "seed=range(0,3)")
    assert made.arms == [(f"schedule={s}", f"model={m}") for s in "ab" for m in "xy"]
    assert (made.rate, made.rates) == ("optimizer.lr", ["0.1", "0.2"])
    assert made.seeds == ["seed=0", "seed=1", "seed=2"]
    jobs = made.jobs(made.arms, ["optimizer.lr=0.1"], made.seeds)
    assert len(jobs) == 12
    assert jobs[0] == ["schedule=a", "trainer.steps=5", "model=x", "optimizer.lr=0.1", "seed=0"]


def test_an_interval_is_searched_on_its_axis():
    made = space(
        "schedule=a", "optimizer.lr=tag(log,interval(0.01,1))", "trainer.batch_size=int(interval(8,64))"
    )
    assert made.ranges["optimizer.lr"] == Range(0.01, 1.0, is_log=True, is_whole=False)
    assert made.ranges["trainer.batch_size"] == Range(8, 64, is_log=False, is_whole=True)
    assert made.arms == [()]


HOW = Settings(trials=6, sampler="tpe", prune=True, seed=0)
RATE = {"optimizer.lr": Range(1e-3, 1.0, is_log=True, is_whole=False)}


def drive(search: Search, shift: float, stop_after: int = 100) -> list[str]:
    """Tell a search what a valley of losses gives for two seeds; return what it asked for."""
    asked = []
    while len(asked) < stop_after and (trial := search.ask()) is not None:
        asked.append(trial)
        rate = float(trial.partition("=")[2])
        for place in (0, 1):
            if search.is_worth(place):
                search.note((math.log10(rate) + shift) ** 2 + 0.01 * place)
        search.tell()
    return asked


def test_every_competitor_has_as_many_trials_and_the_same_first_ones(tmp_path):
    first, second = Search("cosine", RATE, HOW, tmp_path), Search("wsd", RATE, HOW, tmp_path)
    a, b = drive(first, 1.0), drive(second, 2.0)
    assert len(a) == len(b) == 6
    assert a[:3] == b[:3]
    assert a != b
    assert first.best in a


def test_a_search_that_was_cut_off_goes_on_as_if_it_had_not_been(tmp_path):
    (tmp_path / "calm").mkdir()
    (tmp_path / "cut").mkdir()
    calm = drive(Search("cosine", RATE, HOW, tmp_path / "calm"), 1.0)
    cut = Search("cosine", RATE, HOW, tmp_path / "cut")
    before = drive(cut, 1.0, stop_after=3)
    lost = cut.ask()  # a trial that a kill leaves open
    after = drive(Search("cosine", RATE, HOW, tmp_path / "cut"), 1.0)
    assert after[0] == lost
    assert [*before, *after] == calm


def test_a_trial_that_starts_badly_has_its_other_seeds_left_out(tmp_path):
    search = Search("cosine", RATE, Settings(8, "random", prune=True, seed=0), tmp_path)
    for _ in range(5):
        search.ask()
        for place in (0, 1):
            assert search.is_worth(place)
            search.note(1.0)
        search.tell()
    search.ask()
    search.note(2.0)
    assert not search.is_worth(1)
    search.tell()
    search.ask()
    search.note(0.5)
    assert search.is_worth(1)


def test_a_trial_whose_job_failed_tells_nothing_and_is_tried_again_when_the_sweep_goes_on(tmp_path):
    how = Settings(3, "random", prune=True, seed=0)
    search = Search("cosine", RATE, how, tmp_path)
    asked = []
    for loss in (1.0, math.nan, 2.0):
        asked.append(search.ask())
        search.note(loss)
        search.tell()
    assert search.ask() is None
    assert search.best == asked[0]

    resumed = Search("cosine", RATE, how, tmp_path)
    assert resumed.ask() == asked[1]
    resumed.note(0.5)
    resumed.tell()
    assert resumed.ask() is None
    assert resumed.best == asked[1]


def test_a_search_without_a_finished_trial_has_no_best(tmp_path):
    search = Search("cosine", RATE, Settings(1, "tpe", prune=True, seed=0), tmp_path)
    search.ask()
    search.note(math.inf)
    search.tell()
    assert search.ask() is None
    with pytest.raises(ConfigError, match="lower the interval"):
        _ = search.best


def test_an_unknown_sampler_is_refused(tmp_path):
    search = Search("cosine", RATE, Settings(1, "tpee", prune=True, seed=0), tmp_path)
    with pytest.raises(ConfigError, match="must be one of tpe, random, got 'tpee'"):
        search.ask()


def test_a_manifest_knows_a_job_by_its_settings(tmp_path):
    kept = Manifest(tmp_path)
    config = {"seed": 1, "optimizer": {"lr": 0.1}, "tracking": {"uri": "here"}, "trainer": {"threads": 1}}
    moved = config | {"tracking": {"uri": "there"}, "trainer": {"threads": 4}}
    first = kept.enter(["seed=1"], config)
    assert kept.enter(["seed=1"], moved) is first
    assert kept.enter(["seed=2"], config | {"seed": 2}).number == 1
    kept.save()
    assert Manifest(tmp_path).jobs == kept.jobs
