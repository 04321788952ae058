"""One competitor's search with Optuna: it proposes values, takes their losses, and is kept in a file."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import ConfigError

FILE = "studies.db"


@dataclass(frozen=True)
class Range:
    """The values that a setting may take: ``interval(low, high)``, on a log axis with ``tag(log, ...)``."""

    low: float
    high: float
    is_log: bool
    is_whole: bool


@dataclass(frozen=True)
class Settings:
    """How to search: trials, Optuna's sampler, whether to prune, and the sampler's seed."""

    trials: int
    sampler: str
    prune: bool
    seed: int


class Search:
    """Tunes one competitor.

    A trial is one draw of values, trained with each seed in turn. It is pruned between seeds alone: then only
    finished schedules are compared. Pruning at equal steps would favour whatever decays early.

    Args:
        name: of the competitor, and of its study.
        ranges: what is tuned.
        settings: how.
        folder: of the sweep. An existing study is continued.
    """

    def __init__(self, name: str, ranges: dict[str, Range], settings: Settings, folder: Path) -> None:
        import optuna

        pruners = optuna.pruners
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._optuna = optuna
        self._ranges = ranges
        self._settings = settings
        self._study = optuna.create_study(
            study_name=name,
            storage=f"sqlite:///{folder / FILE}",
            load_if_exists=True,
            pruner=pruners.MedianPruner(n_startup_trials=4) if settings.prune else pruners.NopPruner(),
        )
        running = (optuna.trial.TrialState.RUNNING,)
        for cut_off in self._study.get_trials(states=running):  # by a kill: its values come again
            self._study.tell(cut_off.number, state=optuna.trial.TrialState.FAIL)
        self._try_failed_ones_again()
        self._failed = 0
        self._trial: Any = None
        self._losses: list[float] = []
        self._is_open = True

    def _try_failed_ones_again(self) -> None:
        """Put the values of trials that gave no loss at the head of the queue, each once."""
        states = self._optuna.trial.TrialState
        used: list[Any] = [t.params for t in self._study.get_trials(states=(states.COMPLETE, states.PRUNED))]
        used += [t.system_attrs.get("fixed_params") for t in self._study.get_trials(states=(states.WAITING,))]
        for failed in self._study.get_trials(states=(states.FAIL,)):
            if failed.params and failed.params not in used:
                self._study.enqueue_trial(failed.params)
                used.append(failed.params)

    def ask(self) -> str | None:
        """Return the overrides of the next trial; ``None`` when all are done."""
        states = self._optuna.trial.TrialState
        done = len(self._study.get_trials(states=(states.COMPLETE, states.PRUNED)))
        if done + self._failed >= self._settings.trials:
            return None
        # Drawn from the history and the trial's number alone: a search that was cut off goes on the same,
        # and the first trials, drawn at random, are the same values for every competitor.
        self._study.sampler = _sampler(self._optuna, self._settings, done + self._failed)
        self._trial, self._losses, self._is_open = self._study.ask(), [], True
        drawn = {key: self._draw(key, each) for key, each in self._ranges.items()}
        return " ".join(f"{key}={value:.6g}" for key, value in drawn.items())

    def _draw(self, key: str, within: Range) -> float:
        if within.is_whole:
            return float(self._trial.suggest_int(key, int(within.low), int(within.high), log=within.is_log))
        return float(self._trial.suggest_float(key, within.low, within.high, log=within.is_log))

    def is_worth(self, place: int) -> bool:
        """Whether the seed at this place is to be trained: not where the trial was pruned before it."""
        if place and self._is_open and self._trial.should_prune():
            self._is_open = False
        return self._is_open

    def note(self, loss: float) -> None:
        """Take the final loss of the trial's next seed; NaN: the job failed, infinite: it diverged."""
        self._losses.append(loss)
        if math.isfinite(loss):
            self._trial.report(loss, step=len(self._losses) - 1)
        else:
            self._is_open = False  # one that diverges is not worth more seeds

    def tell(self) -> None:
        """End the trial."""
        states = self._optuna.trial.TrialState
        finite = [loss for loss in self._losses if math.isfinite(loss)]
        if any(math.isnan(loss) for loss in self._losses):  # no loss is known; a resumed sweep tries it again
            self._study.tell(self._trial, state=states.FAIL)
            self._failed += 1
        elif len(finite) < len(self._losses):
            self._study.tell(self._trial, math.inf)
        elif not self._is_open:
            self._study.tell(self._trial, state=states.PRUNED)
        else:
            self._study.tell(self._trial, sum(finite) / len(finite))

    @property
    def best(self) -> str:
        """The overrides of the best trial.

        Raises:
            ConfigError: no trial finished.
        """
        states = self._optuna.trial.TrialState
        trials = self._study.get_trials(states=(states.COMPLETE,))
        done = [(t.value, t.number, t.params) for t in trials if t.value is not None]
        value, _, params = min(done, default=(math.inf, 0, {}))
        if not math.isfinite(value):
            raise ConfigError(f"no trial of {self._study.study_name!r} finished: lower the interval")
        return " ".join(f"{key}={value:.6g}" for key, value in params.items())


def _sampler(optuna: Any, settings: Settings, number: int) -> Any:
    kinds = {"tpe": optuna.samplers.TPESampler, "random": optuna.samplers.RandomSampler}
    name = settings.sampler
    seed = settings.seed * 10_007 + number
    if name == "tpe":
        return kinds["tpe"](seed=seed, n_startup_trials=max(3, settings.trials // 3))
    if settings.sampler not in kinds:
        raise ConfigError(
            f"hydra.sweeper.sampler must be one of {', '.join(kinds)}, got {settings.sampler!r}"
        )
    return kinds[settings.sampler](seed=seed)
