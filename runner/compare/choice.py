"""Each arm at its best: how it answers to the peak rate, which rate that chooses, which runs then count."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..sweep.rates import best_of
from .findings import Interval, Response, Sampling, Standing
from .model import Trained
from .outcomes import Outcome, diverged, steps_to
from .stats.measures import expected_running_time, kaplan_meier_median, parabola_vertex, sensitivity
from .stats.statistics import mean_interval

Setup = tuple[float, str]
"""What tuning chooses: the peak rate (0 where there is none), and the values of what else was searched."""


def setup_of(run: Trained) -> Setup:
    """Return the tuned values that a run was trained with."""
    return (run.rate or 0.0, run.trial)


CLIFF = 10.0
"""How many times higher one neighbour of the best rate may rise than the other for a parabola to be drawn."""


@dataclass(frozen=True, kw_only=True)
class Contender:
    """An arm, the rate that its tuning chose, and the runs that are reported.

    Attributes:
        arm: its name.
        rate: the chosen peak rate; ``None`` where its runs have none.
        trial: the chosen values of what else was searched; empty where nothing was.
        setups: how many rates, or trials of a search, it had to choose from.
        response: to the peak rate; ``None`` likewise.
        tuning: runs that chose the rate.
        reported: runs at the chosen rate: those of the stage ``final`` where there are any.
        fresh: whether no reported seed chose the rate, or there was nothing to choose.
    """

    arm: str
    rate: float | None
    response: Response | None
    tuning: list[Outcome]
    reported: list[Outcome]
    fresh: bool
    trial: str = ""
    setups: int = 1

    @cached_property
    def losses(self) -> dict[int, float]:
        """Final loss for each seed, infinite where it diverged; of several runs of one seed, their mean."""
        by_seed = defaultdict(list)
        for outcome in self.reported:
            by_seed[outcome.run.seed].append(math.inf if outcome.diverged else outcome.final)
        return {seed: float(np.mean(by_seed[seed])) for seed in sorted(by_seed)}

    @property
    def finished_losses(self) -> list[float]:
        """Final losses of the seeds that did not diverge; those before training where all did."""
        finished = [loss for loss in self.losses.values() if math.isfinite(loss)]
        return finished or [o.final for o in self.reported]


def _by_seed(results: list[Outcome]) -> dict[int, float]:
    by_seed = defaultdict(list)
    for outcome in results:
        by_seed[outcome.run.seed].append(outcome.final)
    return {seed: float(np.mean(by_seed[seed])) for seed in sorted(by_seed)}


def _best_setup(results: list[Outcome]) -> Setup:
    """Return the rate and trial of the lowest mean loss, each trial of a search for itself."""
    losses = {setup: _by_seed(of_setup) for setup, of_setup in _by_setup(results).items()}
    return best_of(losses)


def _by_setup(results: list[Outcome]) -> dict[Setup, list[Outcome]]:
    by_setup = defaultdict(list)
    for outcome in results:
        by_setup[setup_of(outcome.run)].append(outcome)
    return by_setup


def choose(arm: str, results: list[Outcome], initial_loss: float) -> Contender:
    """Choose an arm's rate on its runs of stage ``tune``, and report those of stage ``final``.

    Without stages the same runs do both. Where a final stage ran at another rate than the tuning chooses, it
    is that rate which is reported.

    Args:
        arm: its name.
        results: its runs that count, at least one.
        initial_loss: the loss before training.
    """
    final = [o for o in results if o.run.stage == "final"]
    tuning = [o for o in results if o.run.stage == "tune"]
    tuning = tuning or [o for o in results if o.run.stage != "final"] or results
    setups = _by_setup(tuning)
    chosen = _best_setup(tuning)
    if final and chosen not in _by_setup(final):
        chosen = _best_setup(final)
    reported = [o for o in (final or tuning) if setup_of(o.run) == chosen]
    chose = {o.run.seed for o in tuning} if len(setups) > 1 else set()
    return Contender(
        arm=arm,
        rate=reported[0].run.rate,
        trial=chosen[1],
        setups=len(setups),
        response=respond(arm, tuning, initial_loss),
        tuning=tuning,
        reported=reported,
        fresh=not chose & {o.run.seed for o in reported},
    )


def respond(arm: str, results: list[Outcome], initial_loss: float) -> Response | None:
    """Return how an arm answers to the peak rate; ``None`` where its runs have no rate.

    Of several trials of a search at one rate it is the best that counts. Trials that were pruned after fewer
    than half of the seeds are left out: hard seeds would make their rates look worse than they are.
    """
    by_rate = {
        rate: _by_setup(at_rate)[_best_setup(at_rate)]
        for rate in {o.run.rate for o in results if o.run.rate is not None}
        if (at_rate := [o for o in results if o.run.rate == rate])
    }
    if not by_rate:
        return None
    most = max(len(_by_seed(each)) for each in by_rate.values())
    by_rate = {rate: each for rate, each in by_rate.items() if 2 * len(_by_seed(each)) > most}
    rates = sorted(by_rate)
    losses = [np.array([o.final for o in by_rate[rate]]) for rate in rates]
    means = [float(each.mean()) for each in losses]
    best = rates.index(best_of({rate: _by_seed(by_rate[rate]) for rate in rates}))
    inside = 0 < best < len(rates) - 1
    near = slice(best - 1, best + 2)
    return Response(
        arm=arm,
        rates=rates,
        means=means,
        lows=[float(each.min()) for each in losses],
        highs=[float(each.max()) for each in losses],
        counts=[len(each) for each in losses],
        diverged=[sum(o.diverged for o in by_rate[rate]) for rate in rates],
        best_rate=rates[best],
        edge="" if inside or len(rates) < 2 else "low" if best == 0 else "high",
        vertex=parabola_vertex(rates[near], means[near]) if inside and _is_smooth(means[near]) else None,
        sensitivity=sensitivity(means, initial_loss),
    )


def _is_smooth(means: list[float]) -> bool:
    """Say whether a parabola describes three points: a cliff on one side would pull it away."""
    left, right = means[0] - means[1], means[2] - means[1]
    return max(left, right) <= CLIFF * min(left, right)


def interval(values: list[float], level: float) -> Interval:
    """Return the mean of at least one value with its confidence interval."""
    if len(values) < 2:
        return Interval(count=len(values), mean=values[0], low=None, high=None)
    mean, low, high = mean_interval(values, level)
    return Interval(count=len(values), mean=mean, low=low, high=high)


def _apart(contender: Contender, first: Contender) -> list[float]:
    """Return the differences over the seeds that both finished."""
    d = [loss - first.losses[seed] for seed, loss in contender.losses.items() if seed in first.losses]
    return [each for each in d if math.isfinite(each)]


def _behind(contender: Contender, first: Contender, level: float) -> Interval:
    """Return by how much an arm ends above another; without a seed that both finished, from their means."""
    finished = _apart(contender, first)
    apart = float(np.mean(contender.finished_losses) - np.mean(first.finished_losses))
    return interval(finished, level) if finished else Interval(count=0, mean=apart, low=None, high=None)


def _standard_error(d: list[float]) -> float | None:
    return float(np.std(d, ddof=1)) / math.sqrt(len(d)) if len(d) > 1 else None


def stand(
    contender: Contender,
    first: Contender,
    runs: list[Trained],
    target: float,
    level: float,
    left: Sampling | None = None,
) -> Standing:
    """Return an arm's figures at its chosen rate.

    Args:
        contender: the arm.
        first: the arm to take.
        runs: all of its runs, also those that do not count.
        target: validation loss to reach.
        level: of the confidence intervals.
        left: what the validation set leaves of the difference between the two.
    """
    reported = contender.reported
    accuracies = [o.accuracy for o in reported if o.accuracy is not None]
    spent, reached = zip(*(steps_to(target, o.run) for o in reported), strict=True)
    planned = [s if hit else o.run.total_steps for s, hit, o in zip(spent, reached, reported, strict=True)]
    return Standing(
        arm=contender.arm,
        rate=contender.rate,
        trial=contender.trial,
        behind=_behind(contender, first, level),
        final_loss=interval(contender.finished_losses, level),
        lost=sum(o.diverged for o in reported),
        best_loss=interval([o.best for o in reported], level),
        final_accuracy=interval(accuracies, level) if len(accuracies) == len(reported) else None,
        runs=len(runs),
        diverged=sum(map(diverged, runs)),
        reached=float(np.mean(reached)),
        expected_steps=expected_running_time(spent, reached),
        median_steps=kaplan_meier_median(planned, reached),
        fresh=contender.fresh,
        seed_error=_standard_error(_apart(contender, first)) if contender is not first else None,
        validation_error=None if left is None else left.error,
        examples=None if left is None else left.examples,
    )
