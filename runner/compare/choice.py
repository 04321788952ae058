"""Each arm at its best: how it answers to the peak rate, which rate that chooses, which runs then count."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..sweep.rates import best_of
from .findings import Interval, Response, Standing
from .model import Trained
from .outcomes import Outcome, diverged, steps_to
from .stats.measures import expected_running_time, kaplan_meier_median, parabola_vertex, sensitivity
from .stats.statistics import mean_interval


@dataclass(frozen=True, kw_only=True)
class Contender:
    """An arm, the rate that its tuning chose, and the runs that are reported.

    Attributes:
        arm: its name.
        rate: the chosen peak rate; ``None`` where its runs have none.
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

    @cached_property
    def losses(self) -> dict[int, float]:
        """Final loss for each seed; of several runs of one seed, their mean."""
        return _by_seed(self.reported)


def _by_seed(results: list[Outcome]) -> dict[int, float]:
    by_seed = defaultdict(list)
    for outcome in results:
        by_seed[outcome.run.seed].append(outcome.final)
    return {seed: float(np.mean(by_seed[seed])) for seed in sorted(by_seed)}


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
    rates = {o.run.rate for o in tuning}
    response = respond(arm, tuning, initial_loss)
    rate = response.best_rate if response else None
    confirmed = {o.run.rate for o in final}
    if confirmed and rate not in confirmed:
        again = respond(arm, final, initial_loss)
        rate = again.best_rate if again else None
    reported = [o for o in (final or tuning) if o.run.rate == rate]
    chose = {o.run.seed for o in tuning} if len(rates) > 1 else set()
    fresh = not chose & {o.run.seed for o in reported}
    return Contender(arm=arm, rate=rate, response=response, tuning=tuning, reported=reported, fresh=fresh)


def respond(arm: str, results: list[Outcome], initial_loss: float) -> Response | None:
    """Return how an arm answers to the peak rate; ``None`` where its runs have no rate."""
    by_rate = defaultdict(list)
    for outcome in results:
        if outcome.run.rate is not None:
            by_rate[outcome.run.rate].append(outcome)
    if not by_rate:
        return None
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
        vertex=parabola_vertex(rates[near], means[near]) if inside else None,
        sensitivity=sensitivity(means, initial_loss),
    )


def interval(values: list[float], level: float) -> Interval:
    """Return the mean of at least one value with its confidence interval."""
    if len(values) < 2:
        return Interval(count=len(values), mean=values[0], low=None, high=None)
    mean, low, high = mean_interval(values, level)
    return Interval(count=len(values), mean=mean, low=low, high=high)


def stand(contender: Contender, runs: list[Trained], target: float, level: float) -> Standing:
    """Return an arm's figures at its chosen rate.

    Args:
        contender: the arm.
        runs: all of its runs, also those that do not count.
        target: validation loss to reach.
        level: of the confidence intervals.
    """
    reported = contender.reported
    accuracies = [o.accuracy for o in reported if o.accuracy is not None]
    spent, reached = zip(*(steps_to(target, o.run) for o in reported), strict=True)
    planned = [s if hit else o.run.total_steps for s, hit, o in zip(spent, reached, reported, strict=True)]
    return Standing(
        arm=contender.arm,
        rate=contender.rate,
        final_loss=interval(list(contender.losses.values()), level),
        best_loss=interval([o.best for o in reported], level),
        final_accuracy=interval(accuracies, level) if len(accuracies) == len(reported) else None,
        runs=len(runs),
        diverged=sum(map(diverged, runs)),
        reached=float(np.mean(reached)),
        expected_steps=expected_running_time(spent, reached),
        median_steps=kaplan_meier_median(planned, reached),
        fresh=contender.fresh,
    )
