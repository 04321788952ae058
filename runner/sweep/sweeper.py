"""``hydra/sweeper=fair``: every combination; a peak rate for each schedule; fresh seeds for the winners.

Lists are trained in every combination. ``hydra.sweeper.extend`` adds rates outward for a schedule whose best
rate is the first or last of its list. An ``interval(...)`` is searched with Optuna, with equally many trials
for each schedule. ``hydra.sweeper.final_seeds`` trains each schedule again at its best rate: figures of seeds
that chose nothing. Each seed starts from the same weights and sees the same batches under every schedule.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import IntervalSweep, Override
from hydra.core.plugins import Plugins
from hydra.core.utils import JobReturn, JobStatus
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf

from ..console import out
from ..errors import ConfigError, Diverged, Planned
from ..settings.overrides import in_force
from ..settings.rules import Rule, Whole, WholeOrZero, settle
from .rates import Rates
from .search import Range, Search, Settings

RATES = ("optimizer.lr", "schedule.lr.peak_value")

Arm = tuple[str, ...]
"""The overrides that make a competitor: all of its job's but the seed and what is tuned."""


@dataclass
class Space:
    """What a command line asks to be trained.

    Attributes:
        fixed: overrides that every job has.
        arms: the competitors.
        seeds: overrides of the seed.
        rate: key of the peak rate where it is a list; empty where it is not.
        rates: its values, as typed.
        ranges: what is searched.
        order: place of each key on the command line.
    """

    fixed: list[str]
    arms: list[Arm]
    seeds: list[str]
    rate: str
    rates: list[str]
    ranges: dict[str, Range]
    order: dict[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, overrides: list[Override]) -> Space:
        """Sort the overrides of a command line, each of another key."""
        fixed: list[str] = []
        lists: dict[str, list[str]] = {}
        ranges: dict[str, Range] = {}
        for each in overrides:
            key = str(each.get_key_element())
            if not each.is_sweep_override() and key == "seed":
                lists[key] = [str(each.get_value_element_as_str())]
            elif not each.is_sweep_override():
                fixed.append(f"{key}={each.get_value_element_as_str()}" if not each.is_delete() else key)
            elif each.is_discrete_sweep():
                lists[key] = [str(value) for value in each.sweep_string_iterator()]
            else:
                ranges[key] = _range(key, each)
        rate = next((key for key in RATES if key in lists), "")
        seeds = [f"seed={value}" for value in lists.pop("seed", [])]
        rates = lists.pop(rate, [])
        arms = itertools.product(*([f"{key}={value}" for value in values] for key, values in lists.items()))
        order = {str(each.get_key_element()): place for place, each in enumerate(overrides)}
        return cls(fixed, list(arms), seeds, rate, rates, ranges, order)

    def jobs(self, arms: Sequence[Arm], tuned: Sequence[str], seeds: Sequence[str]) -> list[list[str]]:
        """Return the overrides of the jobs that train these arms with these tuned values and seeds.

        They stand in the order of the command line: where two concern one value, Hydra lets the last count.
        """
        axes = (arms, tuned or [""], seeds or [""])
        return [
            sorted((o for o in (*self.fixed, *arm, *t.split(), seed) if o), key=self._place)
            for arm, t, seed in itertools.product(*axes)
        ]

    def _place(self, override: str) -> int:
        return self.order.get(override.partition("=")[0], len(self.order))


@dataclass
class FairSweeperConf:
    """Settings of the sweeper.

    Attributes:
        extend: rates to add outward, at most so many for each schedule [>= 0].
        final_seeds: fresh seeds to train each schedule's best rate with.
        trials: for each schedule, where an ``interval(...)`` is searched [>= 1].
        sampler: ``tpe`` or ``random``, of Optuna.
        prune: leave out a trial's other seeds when its first ones end worse than the median trial's.
        sampler_seed: decides what the sampler draws.
        budget: refuse to start more jobs than this in all; ``null``: no limit.
        params: overrides that come before those of the command line.
    """

    _target_: str = "hydra_plugins.schedule_lab.FairSweeper"
    extend: WholeOrZero = 0
    final_seeds: list[int] = field(default_factory=list)
    trials: Whole = 8
    sampler: Annotated[str, Rule(choices=("tpe", "random"))] = "tpe"
    prune: bool = True
    sampler_seed: int = 0
    budget: Whole | None = None
    params: dict[str, Any] = field(default_factory=dict)


class FairSweeper(Sweeper):
    """Asks the launcher for jobs until the question is answered. Arguments: see ``FairSweeperConf``."""

    __module__ = "hydra_plugins.schedule_lab"

    def __init__(self, **settings: Any) -> None:
        self._settings = FairSweeperConf(**{key: settings[key] for key in settings})
        settle(self._settings, "hydra.sweeper")
        self._started = 0
        self._returned: list[JobReturn] = []

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Take what Hydra composed, and the launcher that it names."""
        self.config, self.hydra_context = config, hydra_context
        self.launcher = Plugins.instance().instantiate_launcher(
            hydra_context=hydra_context, task_function=task_function, config=config
        )

    def sweep(self, arguments: list[str]) -> Any:
        """Run the sweep; return how every job ended.

        Raises:
            ConfigError: the settings do not fit each other, the command line or the budget.
            Exception: of the first job that failed; a diverged one counts as failed only if none finished.
        """
        assert self.config is not None
        assert self.launcher is not None
        assert self.hydra_context is not None
        first = [f"{key}={value}" for key, value in self._settings.params.items()]
        parser = OverridesParser.create(config_loader=self.hydra_context.config_loader)
        space = Space.of(parser.parse_overrides(in_force([*first, *arguments])))
        _fit(space, self._settings, self.config.seed)
        folder = Path(str(self.config.hydra.sweep.dir))
        folder.mkdir(parents=True, exist_ok=True)
        OmegaConf.save(self.config, folder / "multirun.yaml")
        try:
            best = self._search(space, folder) if space.ranges else self._grid(space)
        except Planned:
            _tell_rest(space, self._settings)
            raise
        if self._settings.final_seeds:
            seeds = [f"seed={seed}" for seed in self._settings.final_seeds]
            finals = [job for arm, tuned in best.items() for job in space.jobs([arm], [tuned], seeds)]
            self._launch(finals, "final")
        if not self._returned:  # a search that had ended before: its sweep is shown again
            self.launcher.launch([], initial_job_idx=0)
        _raise_worst(self._returned)
        return self._returned

    def _grid(self, space: Space) -> dict[Arm, str]:
        """Train the lists, and the rates outward of them; return the best rate of each arm."""
        settings = self._settings
        tuned = [f"{space.rate}={rate}" for rate in space.rates]
        jobs = space.jobs(space.arms, tuned, space.seeds)
        grids = {arm: Rates([float(rate) for rate in space.rates]) for arm in space.arms} if tuned else {}
        losses = iter(self._launch(jobs, "tune" if settings.final_seeds else ""))
        for arm, t in itertools.product(space.arms, tuned):
            grids[arm].note(float(t.partition("=")[2]), _take(losses, len(space.seeds) or 1))
        for _ in range(settings.extend):
            outward = {arm: rate for arm, grid in grids.items() if (rate := grid.outward()) is not None}
            judged = len(space.arms) * len(settings.final_seeds)  # what is left for them stays theirs
            if not outward or self._is_spent(len(outward) * max(1, len(space.seeds)) + judged):
                break
            jobs = [
                j
                for arm, rate in outward.items()
                for j in space.jobs([arm], [f"{space.rate}={rate:.6g}"], space.seeds)
            ]
            losses = iter(self._launch(jobs, "tune" if settings.final_seeds else ""))
            for arm, rate in outward.items():
                grids[arm].note(rate, _take(losses, len(space.seeds) or 1))
        return {arm: f"{space.rate}={grids[arm].best:.6g}" if tuned else "" for arm in space.arms}

    def _search(self, space: Space, folder: Path) -> dict[Arm, str]:
        """Ask Optuna for values, train them, tell it; return the best values of each arm."""
        made = self._settings
        kind = Settings(made.trials, made.sampler, made.prune, made.sampler_seed)
        searches = {arm: Search(" ".join(arm) or "all", space.ranges, kind, folder) for arm in space.arms}
        seeds = space.seeds or [""]
        while asked := {arm: trial for arm, s in searches.items() if (trial := s.ask()) is not None}:
            for place, seed in enumerate(seeds):
                open_ = {arm: trial for arm, trial in asked.items() if searches[arm].is_worth(place)}
                jobs = [j for arm, t in open_.items() for j in space.jobs([arm], [t], [seed] if seed else [])]
                losses = iter(self._launch(jobs, "tune" if made.final_seeds else ""))
                for arm in open_:
                    searches[arm].note(next(losses))
            for arm in asked:
                searches[arm].tell()
        return {arm: search.best for arm, search in searches.items()}

    def _launch(self, jobs: list[list[str]], stage: str) -> list[float]:
        """Run jobs; return their losses: infinite where one diverged, NaN where one failed."""
        if not jobs:
            return []
        if self._is_spent(len(jobs)):
            raise ConfigError(
                f"hydra.sweeper.budget must be >= {self._started + len(jobs)}, the jobs asked for, "
                f"got {self._settings.budget}"
            )
        assert self.launcher is not None
        marked = [[*job, f"sweep.stage={stage}"] if stage else job for job in jobs]
        returned = self.launcher.launch(marked, initial_job_idx=self._started)
        self._started += len(jobs)
        self._returned += returned
        return [_loss(each) for each in returned]

    def _is_spent(self, more: int) -> bool:
        return self._settings.budget is not None and self._started + more > self._settings.budget


def _range(key: str, override: Override) -> Range:
    value = override.value()
    if not isinstance(value, IntervalSweep):
        raise ConfigError(f"{key} must be a list or an interval(low, high), got {override.input_line}")
    assert value.start is not None
    assert value.end is not None
    is_log = "log" in value.tags
    if not value.start < value.end or (is_log and not value.start > 0):
        bounds = "0 < low < high" if is_log else "low < high"
        raise ConfigError(f"{key} must be an interval(low, high) with {bounds}, got {override.input_line}")
    return Range(value.start, value.end, is_log, is_whole=isinstance(value.start, int))


def _fit(space: Space, settings: FairSweeperConf, default_seed: int) -> None:
    """Raise where settings ask for what this command line cannot give."""
    for rate in space.rates:
        if not _number(rate) > 0:
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
    least = len(space.jobs(space.arms, space.rates, space.seeds))
    least += len(space.arms) * len(settings.final_seeds)
    if settings.budget is not None and not space.ranges and least > settings.budget:
        raise ConfigError(
            f"hydra.sweeper.budget must be >= {least}, the jobs asked for, got {settings.budget}"
        )
    seeds = [seed.partition("=")[2] for seed in space.seeds]
    for seed in seeds:
        if not _number(seed).is_integer():
            raise ConfigError(f"seed must be whole numbers >= 0, got {seed!r}")
    known = {int(_number(seed)) for seed in seeds} or {default_seed}
    if again := sorted(known & set(settings.final_seeds)):
        raise ConfigError(f"hydra.sweeper.final_seeds must be fresh seeds, got {again}, which also choose")
    if settings.final_seeds and not (space.rates or space.ranges):
        raise ConfigError("hydra.sweeper.final_seeds needs something to choose: a list of optimizer.lr")


def _tell_rest(space: Space, settings: FairSweeperConf) -> None:
    """Say what a plan leaves out: jobs whose values depend on what the first ones come to."""
    arms, seeds = len(space.arms), max(1, len(space.seeds))
    trials = arms * (settings.trials * seeds - 1) if space.ranges else 0
    more = {
        "of the search": trials,
        "of rates outward": arms * seeds * settings.extend,
        "on fresh seeds": arms * len(set(settings.final_seeds)),
    }
    if told := [f"{count} {what}" for what, count in more.items() if count]:
        out.print(f"these come first; later at most {sum(more.values())} more jobs: {', '.join(told)}")


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def _loss(returned: JobReturn) -> float:
    if returned.status is JobStatus.COMPLETED:
        return float(returned._return_value)
    return math.inf if isinstance(returned._return_value, Diverged) else math.nan


def _take(losses: Iterator[float], count: int) -> list[float]:
    return list(itertools.islice(losses, count))


def _raise_worst(returned: list[JobReturn]) -> None:
    errors = [each._return_value for each in returned if each.status is not JobStatus.COMPLETED]
    failed = [error for error in errors if not isinstance(error, Diverged)]
    if failed or (errors and len(errors) == len(returned)):
        raise (failed or errors)[0]
