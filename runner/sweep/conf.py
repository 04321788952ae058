"""The sweeper's settings: whether they fit a command line, and what a plan says of them."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Annotated, Any

from ..console import out
from ..errors import ConfigError
from ..settings.rules import Positive, Rule, Whole, WholeOrZero
from ..words import many
from .space import RATES, Space, number

ALPHA = 0.05
"""Rate of false alarms of the report that a sweep ends with."""


@dataclass
class FairSweeperConf:
    """Settings of the sweeper.

    Attributes:
        extend: rates to add outward, at most so many for each schedule [>= 0].
        final_seeds: fresh seeds to train each schedule's best rate with.
        until: ``decided``: add fresh seeds to each schedule's best rate, in looks whose error is spent
            beforehand, until one schedule is the best, or none is better by more than ``tolerance``.
        max_seeds: for each schedule at most, where seeds are added [>= 1].
        tolerance: a loss that does not matter; ``null``: go on until one is the best [> 0].
        trials: for each schedule, where an ``interval(...)`` is searched [>= 1].
        sampler: ``tpe`` or ``random``, of Optuna.
        prune: leave out a trial's other seeds when its first ones end worse than the median trial's.
        sampler_seed: decides what the sampler draws.
        budget: refuse to start more jobs than this in all, and add no seeds beyond; ``null``: no limit.
        params: overrides that come before those of the command line.
    """

    _target_: str = "hydra_plugins.schedule_lab.FairSweeper"
    extend: WholeOrZero = 0
    final_seeds: list[int] = field(default_factory=list)
    until: Annotated[str, Rule(choices=("decided",))] | None = None
    max_seeds: Whole = 48
    tolerance: Positive | None = None
    trials: Whole = 8
    sampler: Annotated[str, Rule(choices=("tpe", "random"))] = "tpe"
    prune: bool = True
    sampler_seed: int = 0
    budget: Whole | None = None
    params: dict[str, Any] = field(default_factory=dict)


def fit(space: Space, settings: FairSweeperConf, default_seed: int, judging: int) -> None:
    """Raise where settings ask for what this command line cannot give.

    Args:
        space: what is to be trained.
        settings: of the sweeper.
        default_seed: the seed where none is listed.
        judging: fresh seeds that each competitor will have at least.
    """
    for rate in space.rates:
        if not number(rate) > 0:
            raise ConfigError(f"{space.rate} must be numbers > 0 where several are listed, got {rate!r}")
    if settings.extend and len(space.rates) < 2:
        raise ConfigError(
            f"hydra.sweeper.extend needs a list of at least two values of {' or '.join(RATES)}, "
            f"got {len(space.rates)}"
        )
    if space.ranges and space.rates:
        raise ConfigError(
            f"{space.rate} must be one value or an interval where {next(iter(space.ranges))} is searched"
        )
    tuned_before = not settings.until or bool(space.rates)  # else every seed is a fresh one
    least = len(space.jobs(space.arms, space.rates, space.seeds)) if tuned_before else 0
    least += len(space.arms) * judging
    if settings.budget is not None and not space.ranges and least > settings.budget:
        raise ConfigError(
            f"hydra.sweeper.budget must be >= {least}, the jobs asked for, got {settings.budget}"
        )
    seeds = [seed.partition("=")[2] for seed in space.seeds]
    for seed in seeds:
        if not number(seed).is_integer():
            raise ConfigError(f"seed must be whole numbers >= 0, got {seed!r}")
    known = {int(number(seed)) for seed in seeds} or {default_seed}
    if again := sorted(known & set(settings.final_seeds)):
        raise ConfigError(f"hydra.sweeper.final_seeds must be fresh seeds, got {again}, which also choose")
    if settings.until and settings.final_seeds:
        raise ConfigError(
            "hydra.sweeper.until adds fresh seeds by itself: leave hydra.sweeper.final_seeds out"
        )
    if settings.final_seeds and not (space.rates or space.ranges):
        raise ConfigError("hydra.sweeper.final_seeds needs something to choose: a list of optimizer.lr")


def tell_rest(space: Space, settings: FairSweeperConf) -> None:
    """Say what a plan leaves out: jobs whose values depend on what the first ones come to."""
    arms, seeds = len(space.arms), max(1, len(space.seeds))
    trials = arms * (settings.trials * seeds - 1) if space.ranges else 0
    more = {
        "of the search": trials,
        "of rates outward": arms * seeds * settings.extend,
        "on fresh seeds": arms * (settings.max_seeds if settings.until else len(set(settings.final_seeds))),
    }
    if told := [f"{count} {what}" for what, count in more.items() if count]:
        out.print(f"these come first; later at most {sum(more.values())} more jobs: {', '.join(told)}")
    judging = len(set(settings.final_seeds)) or seeds
    least = math.ceil(-math.log2(ALPHA))
    if arms > 1 and not settings.until and judging < least:
        out.print(
            f"nothing can be concluded from {many(judging, 'seed')}: no schedule can be ruled out, however "
            f"large the difference, with fewer than {least}; hydra.sweeper.until=decided adds fresh seeds "
            "until it is known",
            soft_wrap=True,
        )
