"""``hydra/sweeper=fair``: every combination; a peak rate for each schedule; fresh seeds for the winners.

Lists are trained in every combination. ``hydra.sweeper.extend`` adds rates outward for a schedule whose best
rate is the first or last of its list. An ``interval(...)`` is searched with Optuna, with equally many trials
for each schedule. ``hydra.sweeper.final_seeds`` trains each schedule again at its best rate: figures of seeds
that chose nothing; ``hydra.sweeper.until=decided`` adds as many as it takes to decide. Each seed starts from
the same weights and sees the same batches under every schedule.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.plugins import Plugins
from hydra.core.utils import JobReturn, JobStatus
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf

from ..console import out
from ..errors import ConfigError, Diverged, Planned
from ..record import keys
from ..settings.overrides import in_force
from ..settings.rules import settle
from ..words import listed
from .adding import Race, add_seeds, begin
from .conf import FairSweeperConf, fit, tell_rest
from .rates import Rates
from .search import Search, Settings
from .session import SESSION
from .space import Arm, Space, number


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
        fit(space, self._settings, self.config.seed, self._judging_seeds())
        folder = Path(str(self.config.hydra.sweep.dir))
        folder.mkdir(parents=True, exist_ok=True)
        OmegaConf.save(self.config, folder / "multirun.yaml")
        first_seed = self._prepare_looks(space, folder) if self._settings.until else 0
        try:
            best = self._search(space, folder) if space.ranges else self._grid(space)
        except Planned:
            tell_rest(space, self._settings)
            raise
        if self._settings.until:
            self._decide(space, best, first_seed)
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
        if settings.until and not space.rates:  # nothing is chosen: every seed is a fresh one
            return dict.fromkeys(space.arms, "")
        _purpose("trying the peak rates" if settings.until or settings.final_seeds else "")
        tuned = [f"{space.rate}={rate}" for rate in space.rates]
        jobs = space.jobs(space.arms, tuned, space.seeds)
        grids = {arm: Rates([float(rate) for rate in space.rates]) for arm in space.arms} if tuned else {}
        losses = iter(self._launch(jobs, self._stage()))
        for arm, t in itertools.product(space.arms, tuned):
            grids[arm].note(float(t.partition("=")[2]), _take(losses, len(space.seeds) or 1))
        for _ in range(settings.extend):
            outward = {arm: rate for arm, grid in grids.items() if (rate := grid.outward()) is not None}
            judged = len(space.arms) * self._judging_seeds()  # what is left for them stays theirs
            if not outward or self._is_spent(len(outward) * max(1, len(space.seeds)) + judged):
                break
            _purpose(f"going outward for {listed([' '.join(arm) or 'all' for arm in outward])}")
            jobs = [
                j
                for arm, rate in outward.items()
                for j in space.jobs([arm], [f"{space.rate}={rate:.6g}"], space.seeds)
            ]
            losses = iter(self._launch(jobs, self._stage()))
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
                losses = iter(self._launch(jobs, self._stage()))
                for arm in open_:
                    searches[arm].note(next(losses))
            for arm in asked:
                searches[arm].tell()
        return {arm: search.best for arm, search in searches.items()}

    def _race(self, most: int, tolerance: float | None) -> Race:
        """Return who decides from the losses which competitors get more seeds."""
        raise NotImplementedError

    def _stage(self) -> str:
        """Return the stage of the jobs that choose a rate; empty where they are also judged."""
        return "tune" if self._settings.final_seeds or self._settings.until else ""

    def _judging_seeds(self) -> int:
        """Return the fresh seeds that each arm will have at least."""
        made = self._settings
        return self._race(made.max_seeds, made.tolerance).looks[0] if made.until else len(made.final_seeds)

    def _prepare_looks(self, space: Space, folder: Path) -> int:
        """Return the first seed that no run has had, and have the sweep's run say how it is looked at."""
        assert self.config is not None
        assert SESSION.sweep is not None
        known = [int(number(seed.partition("=")[2])) for seed in space.seeds] or [int(self.config.seed)]
        known += [int(each.order.params.get("seed", 0)) for each in SESSION.sweep.jobs()]
        race = self._race(self._settings.max_seeds, self._settings.tolerance)
        first_seed, text = begin(race, folder, known)
        SESSION.sweep.tags[keys.SWEEP_LOOKS] = text
        return first_seed

    def _decide(self, space: Space, best: dict[Arm, str], first_seed: int) -> None:
        """Add fresh seeds to each arm's best values until it is decided, or the budget ends."""
        arms = list(best)

        def train(wanted: list[tuple[int, int]], why: str) -> list[float] | None:
            if self._is_spent(len(wanted)):
                out.print(f"the budget of {self._settings.budget} jobs ends here; {why}", soft_wrap=True)
                return None
            _purpose(why)
            jobs = [
                job
                for arm, seed in wanted
                for job in space.jobs([arms[arm]], [best[arms[arm]]], [f"seed={seed}"])
            ]
            return self._launch(jobs, "final")

        names = [" ".join(each.partition("=")[2] for each in arm) or "all" for arm in arms]
        race = self._race(self._settings.max_seeds, self._settings.tolerance)
        add_seeds(race, names, first_seed, train)

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


def _purpose(text: str) -> None:
    """Have the board say what the jobs that follow are for."""
    if SESSION.sweep is not None:
        SESSION.sweep.purpose = text


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
