"""From the arms' losses to the one to take, those that may be as good, and what may be lost."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..record import keys
from .choice import Contender
from .findings import Decision
from .model import Collection
from .stats.best_set import deficits, may_be_best_p
from .stats.paired import differences, paired
from .stats.regret import regret_bound, same_within
from .stats.sequential import Race, Standing

UNEQUAL = (
    "some schedules had more settings to choose from than others, on the very seeds that are reported, "
    "which alone can make a difference"
)


@dataclass(frozen=True)
class Looks:
    """How seeds were added while they decided: by which race, and which was the first."""

    race: Race
    first_seed: int


def looks_of(collection: Collection) -> Looks | None:
    """Return the looks at which a sweep's seeds were added; ``None`` where they were fixed beforehand."""
    written = collection.tags.get(keys.SWEEP_LOOKS)
    if not written or collection.joined:
        return None
    settings = json.loads(written)
    first_seed = settings.pop("first_seed")
    return Looks(Race(**settings), first_seed)


def losses_of(contenders: list[Contender], first_seed: int | None = None) -> NDArray[np.float64]:
    """Return final losses, shape ``(arms, seeds)``: NaN without a run, infinite where it diverged.

    Args:
        contenders: the arms.
        first_seed: of consecutive ones; by default the seeds are those that any arm has.
    """
    seeds = sorted({seed for c in contenders for seed in c.losses})
    if first_seed is not None:
        seeds = list(range(first_seed, max(seeds, default=first_seed - 1) + 1))
    return np.array([[c.losses.get(seed, math.nan) for seed in seeds] for c in contenders])


def decide(
    contenders: list[Contender], alpha: float, looks: Looks | None = None
) -> tuple[Decision, list[Contender]]:
    """Return the decision, and the contenders in the order that it puts them: the one to take first.

    Args:
        contenders: arms with results.
        alpha: probability that the best is not among the members.
        looks: at which seeds were added; their own alpha counts, since its error is spent.
    """
    race = looks.race if looks is not None else None
    losses = losses_of(contenders, looks.first_seed if looks is not None else None)
    look = race.look(losses) if race is not None else None
    alpha = race.alpha if race is not None else alpha
    if look is not None:
        p, members, arm = {}, look.open, look.pick
        losses = losses[:, : look.seeds] if look.seeds else losses
    else:
        found = may_be_best_p(losses)
        arm = int(np.argmin(deficits(paired(losses))))
        p = {c.arm: float(each) for c, each in zip(contenders, found, strict=True)}
        members = [i for i in range(len(found)) if found[i] > alpha or i == arm]
    share = alpha if race is None else alpha / len(race.looks)  # the bounds' part of it, at each look
    blocked = _blocked(contenders)
    if blocked:
        members = list(range(len(contenders)))
    order = _order(losses, arm, members)
    named = [contenders[i].arm for i in order]
    pairs = paired(losses)
    decision = Decision(
        arm=contenders[arm].arm,
        members=[contenders[i].arm for i in order if i in members],
        p={name: p[name] for name in named if name in p},
        loses_at_most=_bound(losses, arm, members, share, race),
        same_within=_finite(same_within(losses, members, share)) if len(members) > 1 else None,
        seeds=look.seeds if look is not None else int(np.isfinite(losses[arm]).sum()),
        left_at=_left(contenders, look) if not blocked else {},
        over=_over(look),
        most=race.most if race is not None else None,
        by_wins=[contenders[i].arm for i in order if pairs.by_wins[arm, i]],
        blocked=blocked,
    )
    return decision, [contenders[i] for i in order]


def _bound(
    losses: NDArray[np.float64], arm: int, members: list[int], share: float, race: Race | None
) -> float | None:
    """Return what is lost at most: against the open arms at a look's share of alpha, else against all."""
    if race is None:
        return _finite(regret_bound(losses, arm, share))
    return _finite(regret_bound(losses[members], members.index(arm), share))


def _finite(bound: float) -> float | None:
    return bound if math.isfinite(bound) else None


def _left(contenders: list[Contender], look: Standing | None) -> dict[str, int]:
    left = look.left_at if look is not None else []
    return {c.arm: seeds for c, seeds in zip(contenders, left, strict=False) if seeds is not None}


def _over(look: Standing | None) -> str:
    if look is None:
        return ""
    return look.over or ("most" if look.next_look is None else "")


def _blocked(contenders: list[Contender]) -> str:
    """Say what forbids to call any arm better: unequal tuning on the seeds that are judged."""
    unequal = len({c.setups for c in contenders}) > 1
    return UNEQUAL if unequal and not all(c.fresh for c in contenders) else ""


def _order(losses: NDArray[np.float64], arm: int, members: list[int]) -> list[int]:
    """Return the arms: the chosen one, its fellow members, the others; each by the difference from it.

    The difference is the mean over the seeds that both finished; without any, that of the means.
    """
    d = differences(losses)[:, arm]
    d[~np.isfinite(d)] = np.nan

    def behind(i: int) -> float:
        if np.isfinite(d[i]).any():
            return float(np.nanmean(d[i]))
        finished = losses[i][np.isfinite(losses[i])]
        return float(finished.mean()) if len(finished) else math.inf

    return sorted(range(len(losses)), key=lambda i: (i != arm, i not in members, behind(i)))
