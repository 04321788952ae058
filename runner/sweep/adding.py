"""Fresh seeds while they decide which competitor is the best: asked for look by look, of those still open."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

from ..errors import ConfigError
from ..record.files import write_atomically
from ..words import listed, many

FILE = "looks.json"


class Standing(Protocol):
    """What a look says; see ``runner.compare.stats.sequential.Standing``."""

    @property
    def seeds(self) -> int:
        """How many it looked at."""

    @property
    def open(self) -> list[int]:
        """The competitors that may still be the best."""

    @property
    def pick(self) -> int:
        """The one that seems the best."""

    @property
    def loses_at_most(self) -> float:
        """Bound of what is lost by taking it."""

    @property
    def next_look(self) -> int | None:
        """Seeds to have before looking again; ``None`` where it is over."""


class Race(Protocol):
    """Decides from the losses so far who goes on; see ``runner.compare.stats.sequential.Race``."""

    @property
    def most(self) -> int:
        """Seeds for each competitor at most."""

    @property
    def alpha(self) -> float:
        """Probability that the best is dropped."""

    @property
    def tolerance(self) -> float | None:
        """A loss that does not matter."""

    @property
    def looks(self) -> tuple[int, ...]:
        """Seeds at which to look."""

    def look(self, losses: list[list[float]]) -> Standing:
        """Return what the losses so far say."""


def begin(race: Race, folder: Path, known_seeds: Sequence[int]) -> tuple[int, str]:
    """Return the first fresh seed and the tag's text; a sweep that goes on keeps those it began with.

    Args:
        race: who decides.
        folder: of the sweep.
        known_seeds: those of all runs so far, none of which may decide.

    Raises:
        ConfigError: the sweep that goes on was begun with another number of seeds, by which error is spent.
    """
    file = folder / FILE
    settings: dict[str, Any] = {"most": race.most, "alpha": race.alpha, "tolerance": race.tolerance}
    if file.exists():
        begun = json.loads(file.read_text())
        if begun["most"] != race.most:
            raise ConfigError(
                f"hydra.sweeper.max_seeds must stay {begun['most']}, with which this sweep's looks began, "
                f"got {race.most}"
            )
        first_seed = int(begun["first_seed"])
    else:
        first_seed = 1 + max(known_seeds, default=-1)
    text = json.dumps(settings | {"first_seed": first_seed})
    write_atomically(file, text.encode())
    return first_seed, text


def add_seeds(
    race: Race,
    names: Sequence[str],
    first_seed: int,
    train: Callable[[list[tuple[int, int]], str], list[float] | None],
) -> None:
    """Train fresh seeds of the open competitors, up to one look after another, until it is over.

    Args:
        race: who decides.
        names: of the competitors.
        first_seed: of the fresh ones; the others follow it.
        train: trains pairs of a competitor's index and a seed, says why, and returns their losses: infinite
            where a run diverged, NaN where it failed; ``None`` where the budget has no room for them.
    """
    losses: list[list[float]] = [[] for _ in names]
    while (standing := race.look(losses)).next_look is not None:
        seeds = range(first_seed + standing.seeds, first_seed + standing.next_look)
        wanted = [(arm, seed) for seed in seeds for arm in standing.open]
        found = train(wanted, reason(standing, race, names))
        if found is None:
            return
        by_job = dict(zip(wanted, found, strict=True))
        for arm, of_arm in enumerate(losses):
            of_arm += [by_job.get((arm, seed), math.nan) for seed in seeds]


def reason(standing: Standing, race: Race, names: Sequence[str]) -> str:
    """Say what is still open, and why it goes on.

    Args:
        standing: what the last look said.
        race: who decides.
        names: of the competitors.
    """
    open_ = listed([names[arm] for arm in standing.open])
    upto = f"up to {standing.next_look} fresh seeds each, of at most {race.most}"
    if not standing.seeds:
        return f"open: {open_}; {upto}"
    out = [name for arm, name in enumerate(names) if arm not in standing.open]
    gone = f"; ruled out: {listed(out)}" if out else ""
    bound = f"{standing.loses_at_most:.3g}" if math.isfinite(standing.loses_at_most) else "an unknown amount"
    aim = f", and {race.tolerance:g} is tolerated" if race.tolerance is not None else ""
    return (
        f"open after {many(standing.seeds, 'seed')}: {open_}{gone}; taking {names[standing.pick]} may lose "
        f"{bound}{aim}; {upto}"
    )
